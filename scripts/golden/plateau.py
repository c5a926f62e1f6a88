#!/usr/bin/python3
"""Golden values of the plateau rule: learning rates that torch.optim.lr_scheduler.ReduceLROnPlateau has after each loss.

    scripts/golden/plateau.py        writes tests/golden/nn/plateau.safetensors
"""

import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io

CASES, STEPS, LR, PATIENCE = 12, 30, 5e-5, 1


def losses_of(rng, case):
    """From always falling to always rising; some fall by about the threshold, some are not finite."""
    losses = np.cumprod(1 + rng.uniform(-0.3, 0.05 * case, STEPS)) * 2
    if case % 3 == 1:
        losses = 0.7 * (1 - 1e-4 * rng.uniform(0.9, 1.1, STEPS)) ** np.arange(STEPS)
    if case % 4 == 3:
        losses[rng.randint(STEPS, size=4)] = [np.nan, np.inf, np.nan, np.inf]
    return losses.astype("<f4")


def main():
    rng = np.random.RandomState(0)
    losses = np.stack([losses_of(rng, case) for case in range(CASES)])
    rates = np.empty_like(losses)
    for case in range(CASES):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "min", patience=PATIENCE)
        for step, loss in enumerate(losses[case]):
            scheduler.step(float(loss))
            rates[case, step] = optimizer.param_groups[0]["lr"]
    root = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "nn")
    metadata = {"command": "scripts/golden/plateau.py", "torch": torch.__version__, "seed": "0", "lr": str(LR)}
    safetensors_io.save(os.path.join(root, "plateau.safetensors"), {"losses": losses, "rates": rates}, metadata)


main()
