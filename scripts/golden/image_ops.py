#!/usr/bin/python3
"""Golden values of convolution, pooling and normalisation: outputs and gradients by PyTorch.

    scripts/golden/image_ops.py        writes tests/golden/nn/{conv,pool,norm}.safetensors

Per case: <case>.in0, in1, ... (inputs, in our layout), .y, .dy (gradient of the output), .d0, d1, ...
"""

import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io

RNG = np.random.RandomState(7)


def values(*shape, scale=1.0, shift=0.0):
    return torch.from_numpy((RNG.randn(*shape) * scale + shift).astype("<f4"))


def ours(v):
    """[N,C,H,W] -> [N,H,W,C]; weights [M,C,kh,kw] -> [M,kh,kw,C] likewise."""
    v = v.detach()
    return (v.permute(0, 2, 3, 1) if v.dim() == 4 else v).contiguous().numpy()


def add_case(arrays, name, inputs, function, **more):
    leaves = [v.clone().requires_grad_(True) for v in inputs]
    y = function(*leaves)
    dy = values(*y.shape)
    y.backward(dy)
    for i, (v, leaf) in enumerate(zip(inputs, leaves)):
        arrays[f"{name}.in{i}"] = ours(v)
        arrays[f"{name}.d{i}"] = ours(leaf.grad)
    arrays[f"{name}.y"] = ours(y)
    arrays[f"{name}.dy"] = ours(dy)
    for key, v in more.items():
        arrays[f"{name}.{key}"] = ours(v)


def conv_cases():
    arrays = {}

    def case(name, x, w, bias=True, relu=False, **options):
        def function(x, w, b=None):
            y = F.conv2d(x, w, b, **options)
            return F.relu(y) if relu else y

        inputs = [values(*x), values(*w)] + ([values(w[0])] if bias else [])
        add_case(arrays, name, inputs, function)

    case("plain", (2, 5, 6, 3), (4, 5, 3, 3), padding=1)
    case("no_bias", (1, 3, 5, 4), (4, 3, 3, 3), bias=False)
    case("stride2", (2, 3, 7, 6), (4, 3, 3, 3), stride=2, padding=1)
    case("stride3", (1, 2, 8, 9), (3, 2, 2, 2), stride=3, padding=1)
    case("down", (2, 4, 5, 5), (6, 4, 1, 1), bias=False, stride=2)
    case("pointwise", (1, 8, 5, 3), (7, 8, 1, 1))
    case("dilated", (1, 3, 7, 8), (4, 3, 3, 3), padding=2, dilation=2)
    case("grouped", (1, 6, 5, 5), (9, 2, 3, 3), padding=1, groups=3)
    case("depthwise", (2, 5, 6, 5), (5, 1, 3, 3), padding=1, groups=5)
    case("all", (1, 4, 8, 9), (6, 2, 3, 3), stride=2, padding=2, dilation=2, groups=2)
    case("relu", (2, 3, 4, 5), (5, 3, 3, 3), padding=1, relu=True)
    case("stem", (1, 3, 11, 9), (3, 3, 7, 7), bias=False, stride=2, padding=3)
    return arrays


def pool_cases():
    arrays = {}
    # Few distinct values: many ties, of which the first one wins.
    ties = torch.from_numpy(RNG.randint(-2, 2, (2, 5, 7, 6)).astype("<f4"))
    add_case(arrays, "max_ties", [ties], lambda x: F.max_pool2d(x, 3, 2, 1))
    add_case(arrays, "max_2", [values(2, 3, 5, 5)], lambda x: F.max_pool2d(x, 2))
    add_case(arrays, "max_overlap", [values(1, 17, 5, 6)], lambda x: F.max_pool2d(x, 3, 1, 1))
    add_case(arrays, "avg_2", [values(2, 3, 5, 6)], lambda x: F.avg_pool2d(x, 2))
    add_case(arrays, "avg_pad", [values(2, 18, 5, 6)], lambda x: F.avg_pool2d(x, 3, 2, 1))
    add_case(arrays, "global", [values(3, 19, 5, 7)], lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1))
    return arrays


def norm_cases():
    arrays = {}

    def batch(name, shape, training, relu=False, residual=False, steps=1, shift=0.0):
        channels = shape[1]
        mean, var = values(channels), values(channels).abs() + 0.5
        before = {"mean": mean.clone(), "var": var.clone()}

        def function(x, gamma, beta, residual=None):
            y = F.batch_norm(x, mean, var, gamma, beta, training, 0.1, 1e-5)
            y = y + residual if residual is not None else y
            return F.relu(y) if relu else y

        inputs = [values(*shape, shift=shift), values(channels), values(channels)]
        inputs += [values(*shape)] if residual else []
        after = {"mean_after": mean, "var_after": var}
        add_case(arrays, name, inputs, function, **before, **after)

    batch("train", (3, 5, 4, 6), True)
    batch("train_shifted", (2, 17, 2, 3), True, shift=30.0)
    batch("train_relu", (2, 4, 5, 3), True, relu=True)
    batch("train_residual_relu", (2, 4, 5, 3), True, relu=True, residual=True)
    batch("train_features", (9, 7), True)
    batch("eval", (2, 6, 3, 4), False)
    batch("frozen_relu", (2, 6, 3, 4), False, relu=True, residual=True)
    for groups, channels in ((8, 16), (1, 6), (3, 9)):
        inputs = [values(2, channels, 3, 4, shift=2.0), values(channels), values(channels)]
        add_case(arrays, f"group_{groups}", inputs, lambda x, g, b: F.group_norm(x, groups, g, b, 1e-5))
    inputs = [values(2, 3, 21, shift=-1.0), values(21), values(21)]
    add_case(arrays, "layer", inputs, lambda x, g, b: F.layer_norm(x, (21,), g, b, 1e-6))
    rows = values(4, 13)
    rows[2] *= 1e-3
    add_case(arrays, "l2", [rows], lambda x: F.normalize(x, dim=-1, eps=0.05))
    return arrays


def main():
    root = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "nn")
    metadata = {"command": "scripts/golden/image_ops.py", "torch": torch.__version__, "seed": "7"}
    for family in (conv_cases, pool_cases, norm_cases):
        name = family.__name__.replace("_cases", ".safetensors")
        safetensors_io.save(os.path.join(root, name), family(), metadata)


main()
