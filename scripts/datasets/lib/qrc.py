"""Qt resource files (.rcc): a tree of names over a heap of files, all numbers big-endian.

Header: "qres", version, offsets of tree, data and names. A tree node is: name offset (32 bits),
flags (16), then for a folder its number of children and the index of the first (32 each), for a
file country and language (16 each) and its data offset (32); version 2 adds a 64-bit time stamp.
"""

import struct
import zlib

from lib.ui import Fail

COMPRESSED, FOLDER, COMPRESSED_ZSTD = 1, 2, 4  # flags of a node


def read_qrc(path):
    """{path inside: bytes} of every file in a Qt resource file."""
    data = path.read_bytes()
    try:
        magic, version, tree, heap, names = struct.unpack_from(">4s4I", data)
        if magic != b"qres" or version > 3:
            raise ValueError("no Qt resource file of version 1 to 3")
        return dict(walk(data, (tree, heap, names, 14 if version == 1 else 22), 0, ""))
    except (struct.error, ValueError, zlib.error) as problem:
        raise Fail(f"{path}: can't be read: {problem}") from None


def walk(data, layout, index, folder):
    """(path, bytes) of every file below the node of that index; node 0 is the nameless root."""
    tree, heap, names, node_size = layout
    at = tree + index * node_size
    name_offset, flags = struct.unpack_from(">IH", data, at)
    path = folder + name_at(data, names + name_offset) if index else ""
    if flags & FOLDER:
        children, first = struct.unpack_from(">2I", data, at + 6)
        if first <= index:
            raise ValueError("the tree runs in a circle")
        for child in range(first, first + children):
            yield from walk(data, layout, child, path + "/" if path else "")
    else:
        offset = heap + struct.unpack_from(">I", data, at + 10)[0]
        yield path, content_at(data, offset, flags)


def name_at(data, offset):
    """A name: its length in UTF-16 units, a hash of it, then the units."""
    length = struct.unpack_from(">H", data, offset)[0]
    return data[offset + 6 : offset + 6 + 2 * length].decode("utf-16-be")


def content_at(data, offset, flags):
    size = struct.unpack_from(">I", data, offset)[0]
    content = data[offset + 4 : offset + 4 + size]
    if flags & COMPRESSED_ZSTD:
        raise ValueError("a file inside is compressed with zstd")
    return zlib.decompress(content[4:]) if flags & COMPRESSED else content
