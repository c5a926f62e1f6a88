#!/usr/bin/python3
"""Golden values of adapters: outputs and gradients of layers with LoRA and DoRA (as PEFT defines them, no gradient
through DoRA's norms), and layers trained through OP-LoRA's and OP-DoRA's generators, by PyTorch.

    scripts/golden/adapters.py        writes tests/golden/nn/adapters.safetensors

Per layer: <case>.x, .w0, .a, .b, .m, .bias, .y, .dy, .dx, .da, .db, .dm, .dbias; in our layout (images [N,H,W,C],
convolution weights [out,kh,kw,in]).
"""

import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io

RNG = np.random.RandomState(23)
ARRAYS = {}
STEPS, RATE = 5, 0.1


def values(*shape, scale=1.0):
    return torch.from_numpy((RNG.randn(*shape) * scale).astype("<f4"))


def delta(a, b):
    """B A as a change of the weight that A looks like."""
    return torch.einsum("op,p...->o...", b.flatten(1), a)


def norms(w):
    return w.flatten(1).norm(dim=1)


def weight(w0, a, b, m, scale):
    w = w0 + scale * delta(a, b)
    if m is None:
        return w
    return w * (m / norms(w).detach()).reshape(-1, *[1] * (w.dim() - 1))


def ours(v):
    array = v.detach().numpy()
    return array.transpose(0, 2, 3, 1).copy() if array.ndim == 4 else array.copy()


def layer(name, scale, w0, x, rank, magnitudes, bias, product):
    a, b = values(rank, *w0.shape[1:]), values(w0.shape[0], rank, *[1] * (w0.dim() - 2))
    leaves = {"x": x, "a": a, "b": b}
    if magnitudes:
        leaves["m"] = norms(w0) * (1 + 0.3 * values(w0.shape[0]))
    if bias:
        leaves["bias"] = values(w0.shape[0])
    for v in leaves.values():
        v.requires_grad_(True)
    w = weight(w0, a, b, leaves.get("m"), scale)
    y = product(x, w, leaves.get("bias"))
    dy = values(*y.shape)
    y.backward(dy)
    for key, v in leaves.items():
        ARRAYS[f"{name}.{key}"], ARRAYS[f"{name}.d{key}"] = ours(v), ours(v.grad)
    for key, v in {"w0": w0, "y": y, "dy": dy}.items():
        ARRAYS[f"{name}.{key}"] = ours(v)


def trained(name, magnitudes):
    """fc.weight [6,5] with rank 2, s = 1.5: five steps of SGD on the mean square, through the generator of A, B, C."""
    n_in, n_out, rank, scale, z_size, width = 5, 6, 2, 1.5, 7, 4
    sizes = [rank * n_in, n_out * rank] + [n_out] * magnitudes
    w0, x, target = values(n_out, n_in), values(8, n_in), values(8, n_out)
    start = {
        "z": values(z_size),
        "w1": values(width, z_size, scale=0.4),
        "c1": values(width, scale=0.1),
        "w2": values(sum(sizes), width, scale=0.3),
        "c2": values(sum(sizes), scale=0.1),
    }
    for key, v in {"w0": w0, "x": x, "target": target, **start}.items():
        ARRAYS[f"{name}.{key}"] = ours(v)
    parameters = {key: v.clone().requires_grad_(True) for key, v in start.items()}
    optimizer = torch.optim.SGD(parameters.values(), lr=RATE)

    def factors():
        p = parameters
        parts = (p["w2"] @ F.relu(p["w1"] @ p["z"] + p["c1"]) + p["c2"]).split(sizes)
        m = norms(w0) + parts[2] if magnitudes else None
        return parts[0].reshape(rank, n_in), parts[1].reshape(n_out, rank), m

    for _ in range(STEPS):
        optimizer.zero_grad()
        a, b, m = factors()
        loss = ((x @ weight(w0, a, b, m, scale).T - target) ** 2).mean()
        loss.backward()
        optimizer.step()
    for key, v in parameters.items():
        ARRAYS[f"{name}.{key}.trained"] = ours(v)
    for key, v in zip("abm", factors()):
        if v is not None:
            ARRAYS[f"{name}.{key}.trained"] = ours(v)


def main():
    linear = lambda x, w, bias: F.linear(x, w, bias)
    layer("lora", 0.5, values(6, 5), values(2, 3, 5), 2, False, False, linear)
    layer("lora_bias", 2, values(7, 9), values(4, 9), 3, False, True, linear)
    layer("dora", 0.5, values(6, 5), values(2, 3, 5), 2, True, False, linear)
    layer("dora_bias", 1.5, values(7, 9), values(4, 9), 3, True, True, linear)
    conv = lambda stride, pad: lambda x, w, bias: F.conv2d(x, w, bias, stride=stride, padding=pad)
    layer("conv", 0.5, values(4, 3, 3, 3), values(2, 3, 6, 5), 2, False, False, conv(2, 1))
    layer("conv_1x1", 1, values(5, 4, 1, 1), values(2, 4, 3, 3), 2, False, True, conv(1, 0))
    layer("conv_dora", 0.7, values(4, 3, 3, 3), values(2, 3, 6, 5), 2, True, True, conv(1, 1))
    trained("op_lora", False)
    trained("op_dora", True)
    path = os.path.join(os.path.dirname(__file__), "../../tests/golden/nn/adapters.safetensors")
    made_by = {"command": "scripts/golden/adapters.py", "torch": torch.__version__, "seed": "23"}
    safetensors_io.save(path, ARRAYS, made_by)


if __name__ == "__main__":
    main()
