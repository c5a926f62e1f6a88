#!/usr/bin/python3
"""Golden values of learning-rate schedules: torch.optim.lr_scheduler, the rate of every update in double.

    scripts/golden/schedules.py        writes tests/golden/nn/schedules.safetensors
"""

import os
import sys

import numpy as np
import torch
from torch.optim import lr_scheduler

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io

LR, STEPS, WARM_UP = 0.01, 23, 5
LOSSES = [1, 0.9, 0.8, 0.8, 0.79999, 0.7, 0.7, 0.71, 0.72, 0.73, 0.6, 0.65, 0.64, float("nan"), 0.63, 0.5, 0.5, 0.5, 0.5]


def rates(make, feed):
    """The rate before each item of feed is given to the scheduler."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    scheduler, out = make(optimizer), []
    for item in feed:
        out.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(*item)
    return np.array(out)


def main():
    nothing = [()] * STEPS
    cosine = lambda steps, final: lambda o: lr_scheduler.CosineAnnealingLR(o, steps, eta_min=LR * final)
    warm_up = rates(lambda o: lr_scheduler.LinearLR(o, 1 / WARM_UP, 1, WARM_UP - 1), nothing)
    arrays = {
        "cosine": rates(cosine(STEPS, 0), nothing),
        "cosine_final": rates(cosine(STEPS, 0.1), nothing),
        "warm_up": warm_up,
        "warm_up_cosine": np.concatenate([warm_up[:WARM_UP], rates(cosine(STEPS - WARM_UP, 0), nothing[WARM_UP:])]),
        "losses": np.array(LOSSES),
        "plateau": rates(lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1), [(x,) for x in LOSSES]),
    }
    root = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "nn")
    metadata = {"command": "scripts/golden/schedules.py", "torch": torch.__version__}
    safetensors_io.save(os.path.join(root, "schedules.safetensors"), arrays, metadata)


main()
