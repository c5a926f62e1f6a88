#!/usr/bin/python3
"""Golden trajectories of the matrix-factorisation study: each optimiser and parameterisation by PyTorch in double, from given
initial values, with what is logged every 10 updates.

    scripts/golden/factorize.py        writes tests/golden/study/factorize.safetensors
"""

import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io

SIZE, RANK, STEPS, WARM_UP, INPUTS, WIDTH = 12, 3, 60, 10, 6, 5
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=1.0),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=0.02),
}


def uniform(*shape):
    return (2 * torch.rand(*shape, dtype=torch.float64) - 1) / shape[-1] ** 0.5


def start(generated):
    """Initial values by the names they have in the program."""
    if not generated:
        return {"A": uniform(RANK, SIZE), "B": torch.zeros(SIZE, RANK, dtype=torch.float64)}
    values = {}
    for name in "AB":
        outputs = RANK * SIZE
        values[name + ".z"] = torch.randn(INPUTS, dtype=torch.float64)
        values[name + ".w1"] = uniform(WIDTH, INPUTS)
        values[name + ".c1"] = torch.zeros(WIDTH, dtype=torch.float64)
        values[name + ".w2"] = uniform(outputs, WIDTH) if name == "A" else torch.zeros(outputs, WIDTH, dtype=torch.float64)
        values[name + ".c2"] = torch.zeros(outputs, dtype=torch.float64)
    return values


def factors(values, generated):
    if not generated:
        return values["A"], values["B"]
    made = []
    for name, shape in (("A", (RANK, SIZE)), ("B", (SIZE, RANK))):
        h = torch.relu(values[name + ".w1"] @ values[name + ".z"] + values[name + ".c1"])
        made.append((values[name + ".w2"] @ h + values[name + ".c2"]).reshape(shape))
    return made


def effective_rank(matrix):
    s = torch.linalg.svdvals(matrix)[:RANK]
    if s.sum() == 0:
        return float("nan")
    p = s / s.sum()
    p = p[p > 0]
    return float(torch.exp(-(p * torch.log(p)).sum()))


def train(matrix, values, optimizer, generated):
    for value in values.values():
        value.requires_grad_(True)
    optimizer = optimizer(list(values.values()))
    peak = optimizer.param_groups[0]["lr"]
    rows, last = [], None
    for step in range(STEPS + 1):
        a, b = factors(values, generated)
        if generated:
            a.retain_grad()
            b.retain_grad()
        loss = ((b @ a - matrix) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        if step % 10 == 0:
            g = torch.cat([a.grad.flatten(), b.grad.flatten()]).clone()
            cosine = float(g @ last / (g.norm() * last.norm())) if last is not None else float("nan")
            rows.append([float(loss), effective_rank((b @ a).detach()), float(g.norm()), cosine])
            last = g
        if step == STEPS:
            return np.array(rows)
        factor = (step + 1) / WARM_UP if step < WARM_UP else (STEPS - step) / (STEPS - WARM_UP)
        optimizer.param_groups[0]["lr"] = peak * factor
        optimizer.step()


def main():
    torch.manual_seed(0)
    matrix = torch.rand(SIZE, SIZE, dtype=torch.float64)
    s = torch.linalg.svdvals(matrix)
    arrays = {"matrix": matrix.numpy(), "floor": np.array([float((s[RANK:] ** 2).sum()) / SIZE ** 2]),
              "floor_rank": np.array([effective_rank(matrix)])}
    for generated, kind in ((False, "mf"), (True, "op-mf")):
        values = start(generated)
        for name, value in values.items():
            arrays[f"{kind}/{name}"] = value.detach().clone().numpy()
        for name, optimizer in OPTIMIZERS.items():
            copy = {key: value.detach().clone() for key, value in values.items()}
            arrays[f"{kind}/{name}/rows"] = train(matrix, copy, optimizer, generated)
    path = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "study", "factorize.safetensors")
    metadata = {"command": "scripts/golden/factorize.py", "torch": torch.__version__, "seed": "0"}
    safetensors_io.save(path, {name: array.astype("<f4") for name, array in arrays.items()}, metadata)


main()
