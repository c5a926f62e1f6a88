#!/usr/bin/python3
"""Golden values of re-estimated batch norm statistics: torch.optim.swa_utils.update_bn over a few batches, in double.

    scripts/golden/batch_norm_refresh.py       writes tests/golden/net/batch_norm_refresh.safetensors

Weights and images are computed on both sides, as in nets.py; batch i has the images draws("images<i>").
"""

import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(__file__))
import nets
import safetensors_io

NAME, SIZE, CHANNELS, BATCH, CLASSES, BATCHES = "wrn-16-2", 32, 3, 3, 4, 4


def main():
    net = nets.make(NAME, CHANNELS, CLASSES)
    nets.fill(net)
    shape = (BATCH, CHANNELS, SIZE, SIZE)
    batches = [torch.from_numpy(nets.draws(f"images{i}", shape).astype("f4")).double() for i in range(BATCHES)]
    torch.optim.swa_utils.update_bn(batches, net)
    arrays = {"case": np.array([SIZE, CHANNELS, BATCH, CLASSES, BATCHES], "<i8")}
    arrays.update((n, b.numpy()) for n, b in net.named_buffers() if "running" in n)
    folder = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "net")
    metadata = {"command": "scripts/golden/batch_norm_refresh.py", "torch": torch.__version__, "net": NAME}
    safetensors_io.save(os.path.join(folder, "batch_norm_refresh.safetensors"), arrays, metadata)


main()
