#!/usr/bin/python3
"""Golden values of the ops that know no images: outputs and gradients by PyTorch.

    scripts/golden/ops.py        writes tests/golden/nn/ops.safetensors

Per case: <case>.in0, in1, ... (inputs), .y, .dy (gradient of the output), .d0, d1, ...
"""

import math
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io

SEED = 11
RNG = np.random.RandomState(SEED)
ARRAYS = {}


def values(*shape, scale=1.0, shift=0.0):
    return torch.from_numpy((RNG.randn(*shape) * scale + shift).astype("<f4"))


def positive(*shape):
    return values(*shape).abs() + 0.25


def case(name, function, *inputs):
    leaves = [v.clone().requires_grad_(True) for v in inputs]
    y = function(*leaves)
    dy = values(*y.shape)
    y.backward(dy)
    for i, (v, leaf) in enumerate(zip(inputs, leaves)):
        ARRAYS[f"{name}.in{i}"] = v.numpy()
        ARRAYS[f"{name}.d{i}"] = leaf.grad.numpy()
    ARRAYS[f"{name}.y"] = y.detach().numpy()
    ARRAYS[f"{name}.dy"] = dy.numpy()


def products():
    case("linear", F.linear, values(4, 5), values(3, 5), values(3))
    case("linear_tokens", F.linear, values(2, 3, 5), values(7, 5))
    case("matmul", torch.matmul, values(2, 3, 4), values(2, 4, 5))
    case("matmul_transposed", lambda a, b: a @ b.transpose(-1, -2), values(3, 4), values(5, 4))


def elementwise():
    functions = {
        "relu": F.relu,
        "gelu": F.gelu,
        "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "exp": torch.exp,
        "square": torch.square,
        "affine": lambda x: -2.5 * x + 0.75,
    }
    wide = torch.cat([values(90, scale=3.0), torch.tensor([-30.0, -9.0, -5.0, 5.0, 9.0, 30.0])])
    for name, function in functions.items():
        case(name, function, wide)
    case("log", torch.log, positive(20))
    case("sqrt", torch.sqrt, positive(20))
    case("add", torch.add, values(2, 3, 4), values(4))
    case("sub", torch.sub, values(2, 3, 4), values(3, 4))
    case("mul", torch.mul, values(2, 3, 4), values(1))
    case("div", torch.div, values(2, 3, 4), positive(2, 3, 4))
    case("div_row", torch.div, values(2, 3, 4), positive(4))


def attention(heads, causal):
    def function(q, k, v):
        def split(x):
            return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)

        scores = split(q) @ split(k).transpose(-1, -2) / math.sqrt(q.shape[2] // heads)
        if causal:
            n = scores.shape[-1]
            scores = scores.masked_fill(torch.ones(n, n).triu(1).bool(), -math.inf)
        return (scores.softmax(-1) @ split(v)).transpose(1, 2).reshape(q.shape)

    return function


def softmaxes():
    logits = values(5, 19, scale=4.0)
    logits[1] += 90
    logits[2] -= 200
    case("softmax", lambda x: x.softmax(-1), logits)
    case("log_softmax", lambda x: x.log_softmax(-1), logits)
    case("attention", attention(2, False), values(2, 3, 8), values(2, 5, 8), values(2, 5, 8))
    case("attention_causal", attention(3, True), *(values(2, 6, 12, scale=2.0) for _ in range(3)))


def shapes():
    ids = torch.tensor([3, 0, 3, 3, 1, 2, 0])
    case("permute", lambda x: x.permute(0, 3, 1, 2).contiguous(), values(2, 3, 4, 5))
    case("concat", lambda a, b: torch.cat([a, b], 1), values(2, 3, 2), values(2, 1, 2))
    case("slice", lambda x: x[:, :, 2:5], values(2, 2, 7))
    case("embedding", lambda w: F.embedding(ids, w), values(5, 3))
    case("gather_rows", lambda x: x.index_select(0, ids), values(4, 2, 3))


def reductions():
    case("sum", lambda x: x.sum().view(1), values(3, 7))
    case("mean", lambda x: x.mean().view(1), values(3, 7))
    case("sum_axis", lambda x: x.sum(1), values(2, 5, 3))
    case("mean_axis", lambda x: x.mean(-1), values(2, 3, 17))


def losses():
    labels = torch.tensor([2, 0, 1, 2, 2])
    weights = torch.tensor([0.5, 2.0, 1.25])

    def loss(name, logits, **options):
        case(name, lambda z: F.cross_entropy(z, labels, **options).view(-1), logits)

    loss("loss", values(5, 3))
    loss("loss_extreme", values(5, 3, scale=60.0))
    loss("loss_smooth", values(5, 3), label_smoothing=0.1)
    loss("loss_weights", values(5, 3), weight=weights)
    loss("loss_both", values(5, 3), weight=weights, label_smoothing=0.3)
    loss("loss_each", values(5, 3), reduction="none")
    loss("loss_each_both", values(5, 3), reduction="none", weight=weights, label_smoothing=0.2)


def main():
    for family in (products, elementwise, softmaxes, shapes, reductions, losses):
        family()
    path = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "nn", "ops.safetensors")
    metadata = {"command": "scripts/golden/ops.py", "torch": torch.__version__, "seed": str(SEED)}
    safetensors_io.save(path, ARRAYS, metadata)


main()
