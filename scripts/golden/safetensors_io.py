"""A second, independent implementation of safetensors files: what the golden scripts write and check with."""

import json
import struct

import numpy as np

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1", "BF16": "<u2"}
NAMES = {np.dtype(code): name for name, code in DTYPES.items() if name != "BF16"}


def save(path, arrays, metadata=None, bf16=()):
    """arrays: name -> numpy array; those named in bf16 are float32 and stored as their upper 16 bits."""
    header = {"__metadata__": metadata} if metadata else {}
    blocks, position = [], 0
    for name, array in arrays.items():
        array = np.asarray(array)
        shape = list(array.shape)
        dtype = "BF16" if name in bf16 else NAMES[array.dtype]
        if name in bf16:
            array = (array.astype("<f4").view("<u4") >> 16).astype("<u2")
        block = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [position, position + len(block)]}
        blocks.append(block)
        position += len(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blocks))


def load(path):
    """(arrays, metadata); strict: the tensors have to cover the data exactly."""
    with open(path, "rb") as f:
        content = f.read()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    data = content[8 + length :]
    metadata = header.pop("__metadata__", {})
    arrays, covered = {}, 0
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        covered += end - begin
        arrays[name] = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    assert covered == len(data), (covered, len(data))
    return arrays, metadata
