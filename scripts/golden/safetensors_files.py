#!/usr/bin/python3
"""safetensors files across two implementations.

    scripts/golden/safetensors_files.py
        writes tests/golden/nn/dtypes.safetensors and torch_layout.safetensors (read by the C tests), and checks
        tests/golden/nn/written.safetensors (what the C writer produces, byte for byte) with the reader in Python.
"""

import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io

ROOT = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "nn")
METADATA = {"command": "scripts/golden/safetensors_files.py", "numpy": np.__version__, "torch": torch.__version__}


def write_dtypes():
    # Exact in every type; subnormal half, infinities and NaN are listed apart.
    exact = np.array([0, -0.0, 1, -1, 0.5, 1.5, -1024, 0.0999755859375])
    special = np.array([2.0**-24, 2.0**-15, 65504, np.inf, -np.inf, np.nan])
    arrays = {
        "f64": exact,
        "f32": exact.astype("<f4"),
        "f16": exact.astype("<f2"),
        "f16_special": special.astype("<f2"),
        "bf16": exact[:7].astype("<f4"),
        "i64": np.array([[1, -2, 1 << 40]], "<i8"),
        "i32": np.array([7, -8], "<i4"),
        "u8": np.array([0, 255], "u1"),
        "scalar": np.array(2.5, "<f4"),
        "empty": np.zeros((0, 3), "<f4"),
    }
    safetensors_io.save(os.path.join(ROOT, "dtypes.safetensors"), arrays, METADATA | {"quote": 'a "b" \\ c'}, {"bf16"})


def write_torch_layout():
    """A small state_dict, as torch has it, and what its convolution gives."""
    torch.manual_seed(0)
    net = torch.nn.Sequential()
    net.add_module("conv", torch.nn.Conv2d(3, 4, (2, 3), bias=True))
    net.add_module("bn", torch.nn.BatchNorm2d(4))
    net.add_module("fc", torch.nn.Linear(4, 5))
    arrays = {name: value.numpy() for name, value in net.state_dict().items()}
    # The same weight as our layout has it, made by torch's own permutation.
    arrays["ours/conv.weight"] = net.conv.weight.detach().permute(0, 2, 3, 1).contiguous().numpy()
    safetensors_io.save(os.path.join(ROOT, "torch_layout.safetensors"), arrays, METADATA)


def check_written():
    path = os.path.join(ROOT, "written.safetensors")
    if not os.path.exists(path):
        sys.exit(f"{path}: not there; the test nn-safetensors says how to make it")
    arrays, metadata = safetensors_io.load(path)
    assert metadata == {"made by": 'dgbench "tests"\\'}, metadata
    assert arrays["counts"].dtype == np.int64 and arrays["counts"].tolist() == [1, -2, 1 << 40]
    weight = arrays["conv.weight"]
    assert weight.dtype == np.float32 and weight.shape == (2, 3, 1, 2), weight.shape
    # In C: w[m][kh][kw][c] = 100 m + 10 kw + c
    m, c, _, kw = np.meshgrid(range(2), range(3), range(1), range(2), indexing="ij")
    assert np.array_equal(weight, 100 * m + 10 * kw + c)
    assert arrays["scalar"].shape == () and arrays["scalar"] == 0.5
    assert arrays["empty"].shape == (0, 2)
    print(f"{path}: read back, as expected")


write_dtypes()
write_torch_layout()
check_written()
