#!/usr/bin/python3
"""Golden values of resized positions: torch's bicubic interpolation with antialiasing, as timm calls it.

    scripts/golden/positions.py        writes tests/golden/nn/positions.safetensors
"""

import os
import sys

import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io

SIDES, WIDTH = [(14, 4), (4, 14), (7, 8), (8, 7), (16, 5), (1, 3), (3, 1)], 2


def main():
    rng = np.random.RandomState(0)
    arrays = {"sides": np.array(SIDES, "<i8")}
    for i, (old, new) in enumerate(SIDES):
        x = rng.normal(size=(old, old, WIDTH))
        grid = torch.from_numpy(x).permute(2, 0, 1)[None]
        y = F.interpolate(grid, size=(new, new), mode="bicubic", antialias=True, align_corners=False)
        arrays[f"from{i}"], arrays[f"to{i}"] = x, y[0].permute(1, 2, 0).contiguous().numpy()
    root = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "nn")
    metadata = {"command": "scripts/golden/positions.py", "torch": torch.__version__, "seed": "0"}
    safetensors_io.save(os.path.join(root, "positions.safetensors"), arrays, metadata)


main()
