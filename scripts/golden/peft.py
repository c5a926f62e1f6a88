#!/usr/bin/python3
"""Adapter directories in PEFT's format, by a second implementation in torch.

    scripts/golden/peft.py
        writes tests/golden/peft/: directories as PEFT saves them (read by the C tests) with the weights that they make
        of a base, and checks tests/golden/peft/written (what the C writer produces, byte for byte) with a reader here.

Debian has no package of peft: names, shapes and formulas are written down here from its documentation and sources
(tuners/lora/layer.py, dora.py; "PEFT checkpoint format"), and what a layer with an adapter computes is asserted to be
what the merged weight computes.
"""

import json
import math
import os
import re
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io

ROOT = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "peft")
METADATA = {"command": "scripts/golden/peft.py", "numpy": np.__version__, "torch": torch.__version__}
PREFIX = "base_model.model."
WIDTH, HIDDEN, CLASSES = 4, 8, 3

CONFIG = {
    "alpha_pattern": {},
    "auto_mapping": None,
    "base_model_name_or_path": "somebody/some-model",
    "bias": "none",
    "fan_in_fan_out": False,
    "inference_mode": True,
    "init_lora_weights": True,
    "layers_pattern": None,
    "layers_to_transform": None,
    "lora_dropout": 0.1,
    "modules_to_save": None,
    "peft_type": "LORA",
    "rank_pattern": {},
    "revision": None,
    "task_type": None,
    "use_dora": False,
    "use_rslora": False,
}


def norm(w):
    """[out] lengths of rows, whatever a row is."""
    return w.flatten(1).norm(dim=1)


def along_rows(m, w):
    return m.reshape(-1, *[1] * (w.dim() - 1))


def delta(a, b):
    return b @ a if a.dim() == 2 else torch.einsum("opxy,pikl->oikl", b, a)


def layer(x, w0, a, b, scale, m=None):
    """What PEFT's layer computes: base and adapter apart, magnitudes behind."""
    if w0.dim() == 2:
        base, more = x @ w0.T, scale * (x @ a.T @ b.T)
    else:
        pad = w0.shape[2] // 2
        base = torch.nn.functional.conv2d(x, w0, padding=pad)
        more = scale * torch.nn.functional.conv2d(torch.nn.functional.conv2d(x, a, padding=pad), b)
    if m is None:
        return base + more
    factor = m.flatten() / norm(w0 + scale * delta(a, b))
    factor = factor.reshape(1, -1, 1, 1) if w0.dim() == 4 else factor
    return factor * (base + more)


def merged(w0, a, b, scale, m=None):
    w = w0 + scale * delta(a, b)
    if m is not None:
        w = along_rows(m.flatten() / norm(w), w) * w
    x = torch.randn(2, w0.shape[1], *(5, 5)[: w0.dim() - 2], dtype=w0.dtype)
    whole = layer(x, w, torch.zeros_like(a), torch.zeros_like(b), scale)
    assert torch.allclose(layer(x, w0, a, b, scale, m), whole, rtol=1e-10, atol=1e-12)
    return w


def load_dir(folder):
    with open(os.path.join(folder, "adapter_config.json"), encoding="utf-8") as f:
        config = json.load(f)
    arrays, metadata = safetensors_io.load(os.path.join(folder, "adapter_model.safetensors"))
    return config, arrays, metadata


def save_dir(name, config, tensors, bf16=False, half=False):
    """tensors: name behind the prefix -> double; returns them as they are read back."""
    folder = os.path.join(ROOT, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "adapter_config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f, indent=2)
        f.write("\n")
    exact = {key: (value.half() if half else value.bfloat16()).double() for key, value in tensors.items()}
    arrays = {PREFIX + key: value.numpy().astype("<f2" if half else "<f4") for key, value in exact.items()}
    safetensors_io.save(
        os.path.join(folder, "adapter_model.safetensors"), arrays, {"format": "pt"}, set(arrays) if bf16 else ()
    )
    return exact


def save_values(name, base, after):
    arrays = {f"base/{key}": value.numpy().astype("<f4") for key, value in base.items()}
    arrays |= {f"merged/{key}": value.numpy().astype("<f4") for key, value in after.items()}
    safetensors_io.save(os.path.join(ROOT, f"{name}.safetensors"), arrays, METADATA)


def normal(*shape):
    return torch.randn(*shape, dtype=torch.float64).float().double()


def write_hugging_face_vit():
    """Queries and values of a ViTForImageClassification, the output layer with a rank of its own; half precision."""
    base = {
        "blocks.0.attn.qkv.weight": normal(3 * WIDTH, WIDTH),
        "blocks.1.mlp.fc2.weight": normal(WIDTH, HIDDEN),
    }
    config = CONFIG | {
        "r": 2,
        "lora_alpha": 6,
        "target_modules": ["query", "value", "vit.encoder.layer.1.output.dense"],
        "modules_to_save": ["classifier"],
        "rank_pattern": {"output.dense": 3},
        "alpha_pattern": {"layer.1.output.dense": 4.5},
        "use_rslora": True,
    }
    tensors = {"classifier.weight": normal(CLASSES, WIDTH), "classifier.bias": normal(CLASSES)}
    attention = "vit.encoder.layer.0.attention.attention."
    for part in ("query", "value"):
        tensors[f"{attention}{part}.lora_A.weight"] = normal(2, WIDTH)
        tensors[f"{attention}{part}.lora_B.weight"] = normal(WIDTH, 2)
    tensors["vit.encoder.layer.1.output.dense.lora_A.weight"] = normal(3, HIDDEN)
    tensors["vit.encoder.layer.1.output.dense.lora_B.weight"] = normal(WIDTH, 3)
    t = save_dir("vit", config, tensors, half=True)
    qkv = list(base["blocks.0.attn.qkv.weight"].split(WIDTH))
    for i, part in ((0, "query"), (2, "value")):
        a, b = (t[f"{attention}{part}.lora_{x}.weight"] for x in "AB")
        qkv[i] = merged(qkv[i], a, b, 6 / math.sqrt(2))
    a, b = (t[f"vit.encoder.layer.1.output.dense.lora_{x}.weight"] for x in "AB")
    after = {
        "blocks.0.attn.qkv.weight": torch.cat(qkv),
        "blocks.1.mlp.fc2.weight": merged(base["blocks.1.mlp.fc2.weight"], a, b, 4.5 / math.sqrt(3)),
        "head.weight": t["classifier.weight"],
        "head.bias": t["classifier.bias"],
    }
    save_values("vit", base, after)


def write_resnet():
    """DoRA of a torchvision ResNet's convolutions, by an expression; bfloat16."""
    base = {
        "layer1.0.conv2.weight": normal(HIDDEN, WIDTH, 3, 3),
        "layer1.0.downsample.0.weight": normal(HIDDEN, WIDTH, 1, 1),
    }
    config = CONFIG | {
        "r": 2,
        "lora_alpha": 1,
        "target_modules": r"layer\d\.0\.(conv2|downsample\.0)",
        "use_dora": True,
    }
    tensors = {}
    for name, w in base.items():
        module = name.removesuffix(".weight")
        tensors[f"{module}.lora_A.weight"] = normal(2, *w.shape[1:])
        tensors[f"{module}.lora_B.weight"] = normal(HIDDEN, 2, 1, 1)
        tensors[f"{module}.lora_magnitude_vector"] = normal(1, HIDDEN, 1, 1)
    t = save_dir("resnet", config, tensors, bf16=True)
    after = {}
    for name, w in base.items():
        module = name.removesuffix(".weight")
        a, b = (t[f"{module}.lora_{x}.weight"] for x in "AB")
        after[name] = merged(w, a, b, 1 / 2, t[f"{module}.lora_magnitude_vector"])
    save_values("resnet", base, after)


def number(pattern, default, module):
    for key, value in pattern.items():
        if re.match(rf"(.*\.)?({key})$", module):
            return value
    return default


def check_written():
    """The C writer's directory: DoRA of rank 2 on the queries and of rank 1 on the values of a timm ViT, and on fc1."""
    folder = os.path.join(ROOT, "written")
    if not os.path.exists(folder):
        sys.exit(f"{folder}: not there; the test methods-peft_golden says how to make it")
    config, arrays, metadata = load_dir(folder)
    assert metadata["format"] == "pt" and re.fullmatch("[0-9a-f]{64}", metadata["dgbench.base_sha256"]), metadata
    assert set(config) == set(CONFIG) | {"r", "lora_alpha", "target_modules"}, config
    assert config["use_dora"] and not config["use_rslora"] and config["peft_type"] == "LORA"
    modules = {key.removeprefix(PREFIX).removesuffix(".lora_A.weight") for key in arrays if "lora_A" in key}
    assert modules == set(config["target_modules"]) == {"blocks.0.attn.qkv", "blocks.0.mlp.fc1"}, modules
    assert set(arrays) == {
        PREFIX + f"{m}.{end}" for m in modules for end in ("lora_A.weight", "lora_B.weight", "lora_magnitude_vector")
    } | {PREFIX + "head.weight", PREFIX + "head.bias"}
    values, _ = safetensors_io.load(os.path.join(ROOT, "written.safetensors"))
    for module in modules:
        r = number(config["rank_pattern"], config["r"], module)
        scale = number(config["alpha_pattern"], config["lora_alpha"], module) / r
        a, b, m = (
            torch.from_numpy(arrays[PREFIX + f"{module}.{end}"].astype("f8"))
            for end in ("lora_A.weight", "lora_B.weight", "lora_magnitude_vector")
        )
        assert a.shape[0] == b.shape[1] == r and m.shape == b.shape[:1], (module, r)
        w0 = torch.from_numpy(values[f"base/{module}.weight"].astype("f8"))
        want = values[f"merged/{module}.weight"]
        assert np.allclose(merged(w0, a, b, scale, m).numpy(), want, rtol=1e-5, atol=1e-6), module
    print(f"{folder}: read back, as expected")


torch.manual_seed(0)
os.makedirs(ROOT, exist_ok=True)
write_hugging_face_vit()
write_resnet()
check_written()
