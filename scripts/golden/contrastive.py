#!/usr/bin/python3
"""Golden values of the contrastive loss and its gradients, with one true text per image and with several.

    scripts/golden/contrastive.py        writes tests/golden/nn/contrastive.safetensors
"""

import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io

N, D = 6, 5


def clip_loss(images, texts, log_scale, image_targets, text_targets):
    """Figure 3 of Radford et al. 2021; targets are labels, or probabilities that share the mass."""
    logits = log_scale.exp() * F.normalize(images) @ F.normalize(texts).t()
    return (F.cross_entropy(logits, image_targets) + F.cross_entropy(logits.t(), text_targets)) / 2


def shared_targets(is_true):
    return is_true / is_true.sum(1, keepdim=True), is_true.t() / is_true.t().sum(1, keepdim=True)


def main():
    torch.manual_seed(0)
    images, texts = torch.randn(N, D), torch.randn(N, D)
    is_true = torch.eye(N)
    for image, text in [(0, 3), (3, 0), (1, 2), (4, 2), (5, 0)]:  # text 2 is true for three images
        is_true[image, text] = 1
    own = torch.arange(N)
    arrays = {"images": images.numpy(), "texts": texts.numpy(), "is_true": is_true.numpy()}
    for name, targets in {"pair": (own, own), "shared": shared_targets(is_true)}.items():
        leaves = [images.clone(), texts.clone(), torch.tensor([2.5])]
        for leaf in leaves:
            leaf.requires_grad_()
        loss = clip_loss(*leaves, *targets)
        loss.backward()
        arrays[f"{name}.loss"] = loss.detach().reshape(1).numpy()
        for leaf, what in zip(leaves, ["images", "texts", "log_scale"]):
            arrays[f"{name}.{what}"] = leaf.grad.numpy()
    root = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "nn")
    metadata = {"command": "scripts/golden/contrastive.py", "torch": torch.__version__, "seed": "0", "log_scale": "2.5"}
    safetensors_io.save(os.path.join(root, "contrastive.safetensors"), arrays, metadata)


main()
