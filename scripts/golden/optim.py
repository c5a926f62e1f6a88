#!/usr/bin/python3
"""Golden values of the optimisers: ten updates by torch.optim from given weights and gradients.

    scripts/golden/optim.py        writes tests/golden/nn/optim.safetensors
"""

import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io

STEPS = 10
CASES = {
    "sgd": (torch.optim.SGD, dict(lr=0.1)),
    "sgd_decay": (torch.optim.SGD, dict(lr=0.1, weight_decay=0.05)),
    "momentum": (torch.optim.SGD, dict(lr=0.05, momentum=0.9, weight_decay=0.01)),
    "nesterov": (torch.optim.SGD, dict(lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=True)),
    "adam": (torch.optim.Adam, dict(lr=0.01)),
    "adam_decay": (torch.optim.Adam, dict(lr=0.01, betas=(0.5, 0.99), eps=1e-6, weight_decay=0.1)),
    "adamw": (torch.optim.AdamW, dict(lr=0.02, weight_decay=0.1)),
}


def main():
    rng = np.random.RandomState(0)
    start = rng.randn(37).astype("<f4")
    # Scales from tiny to large, and a weight that gets no gradient at all.
    gradients = (rng.randn(STEPS, 37) * 10.0 ** rng.uniform(-5, 1, 37)).astype("<f4")
    gradients[:, 5] = 0
    arrays = {"start": start, "gradients": gradients}
    for name, (kind, options) in CASES.items():
        w = torch.nn.Parameter(torch.from_numpy(start.copy()))
        optimizer = kind([w], **options)
        trajectory = []
        for g in gradients:
            w.grad = torch.from_numpy(g.copy())
            optimizer.step()
            trajectory.append(w.detach().numpy().copy())
        arrays[name] = np.stack(trajectory)
    root = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "nn")
    metadata = {"command": "scripts/golden/optim.py", "torch": torch.__version__, "seed": "0"}
    safetensors_io.save(os.path.join(root, "optim.safetensors"), arrays, metadata)


main()
