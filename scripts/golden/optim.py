#!/usr/bin/python3
"""Golden values of the optimisers: ten updates by torch.optim from given weights and gradients; of LARS and SAM by the
implementations below, which share nothing with ours.

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


class Lars(torch.optim.Optimizer):
    """You et al. 2017 as ERM++ takes it: tensors of one dimension are neither scaled nor decayed."""

    def __init__(self, params, lr, momentum=0.9, weight_decay=0.0, trust=0.001):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, trust=trust))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                update = p.grad.clone()
                if p.ndim > 1:
                    update += group["weight_decay"] * p
                    norms = p.norm().item(), update.norm().item()
                    if all(norms):
                        update *= group["trust"] * norms[0] / norms[1]
                velocity = self.state[p].setdefault("velocity", torch.zeros_like(p))
                velocity.mul_(group["momentum"]).add_(update)
                p.sub_(group["lr"] * velocity)


def lars(arrays, rng):
    """Ten steps of a matrix, a vector and a matrix of zeros."""
    shapes = {"matrix": (5, 7), "vector": (7,), "zeros": (3, 4)}
    params = {n: torch.nn.Parameter(torch.from_numpy(rng.randn(*s).astype("<f4"))) for n, s in shapes.items()}
    params["zeros"].data.zero_()
    optimizer = Lars(params.values(), lr=0.5, momentum=0.9, weight_decay=0.1, trust=0.01)
    for name, p in params.items():
        arrays[f"lars.{name}.start"] = p.detach().numpy().copy()
        arrays[f"lars.{name}.gradients"] = rng.randn(STEPS, *shapes[name]).astype("<f4")
        arrays[f"lars.{name}"] = np.zeros((STEPS, *shapes[name]), "<f4")
    for k in range(STEPS):
        for name, p in params.items():
            p.grad = torch.from_numpy(arrays[f"lars.{name}.gradients"][k].copy())
        optimizer.step()
        for name, p in params.items():
            arrays[f"lars.{name}"][k] = p.detach().numpy()


def sam(arrays, rng):
    """Ten steps of Adam under SAM (Foret et al. 2021) on sum(a * w^4 + b * w), rho .05, the gradient by autograd."""
    a, b, start = (rng.uniform(0.1, 1, 11).astype("<f4"), rng.randn(11).astype("<f4"), rng.randn(11).astype("<f4"))
    w = torch.nn.Parameter(torch.from_numpy(start.copy()))
    optimizer = torch.optim.Adam([w], lr=0.05)
    ta, tb = torch.from_numpy(a), torch.from_numpy(b)
    trajectory = []
    for _ in range(STEPS):
        (g,) = torch.autograd.grad((ta * w**4 + tb * w).sum(), [w])
        there = (w + 0.05 * g / (g.norm() + 1e-12)).detach().requires_grad_()
        (w.grad,) = torch.autograd.grad((ta * there**4 + tb * there).sum(), [there])
        optimizer.step()
        trajectory.append(w.detach().numpy().copy())
    arrays.update({"sam.a": a, "sam.b": b, "sam.start": start, "sam": np.stack(trajectory)})


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
    lars(arrays, np.random.RandomState(1))
    sam(arrays, np.random.RandomState(2))
    root = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "nn")
    metadata = {"command": "scripts/golden/optim.py", "torch": torch.__version__, "seed": "0"}
    safetensors_io.save(os.path.join(root, "optim.safetensors"), arrays, metadata)


main()
