#!/usr/bin/python3
"""Golden values of CLIP's towers, in double, and two small model directories.

    scripts/golden/clip.py        writes tests/golden/clip/{quick-gelu,gelu}.safetensors: embeddings, the symmetric
                                  contrastive loss of one step, gradients of all parameters; and
                                  tests/golden/clip/{open-clip,hugging-face}/: configuration, weights in half precision and
                                  what the model makes of them (embeddings.safetensors)
    scripts/golden/clip.py --vit-b-16 FOLDER
                                  writes the two directories for random weights of full size (300 MB each), to try
                                  clip_open by hand

The towers are written twice, after the two published layouts: with OpenCLIP's parameters on torch.nn.MultiheadAttention, and
with Hugging Face's on plain linear layers. Weights of the first kind are not stored: both sides compute them from names and
indices (draws() of nets.py).
"""

import collections
import json
import os
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import safetensors_io
from nets import draws, fill, summary

FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "clip")

Config = collections.namedtuple(
    "Config",
    "embed quick_gelu size channels patch width depth heads mlp context vocabulary text_width text_depth text_heads text_mlp",
)
CASES = {
    "quick-gelu": Config(12, 1, 12, 3, 4, 24, 2, 3, 96, 9, 21, 16, 2, 2, 64),
    "gelu": Config(7, 0, 15, 1, 5, 20, 3, 5, 30, 6, 11, 12, 1, 3, 48),
}
VIT_B_16 = Config(512, 0, 224, 3, 16, 768, 12, 12, 3072, 77, 49408, 512, 12, 8, 2048)
FILES = Config(8, 1, 12, 3, 4, 16, 2, 2, 64, 6, 13, 8, 2, 2, 16)
BATCH = 4


def activation(quick):
    return (lambda x: x * torch.sigmoid(1.702 * x)) if quick else F.gelu


def texts(c):
    """[BATCH,context] ids: texts of different lengths, the last one as long as may be; the end is the highest id, zeros (or
    in the first more ends) follow."""
    lengths = [1, 2, max(3, c.context - 3), c.context - 1]
    ids = np.zeros((BATCH, c.context), "<i8")
    words = (draws("texts", (BATCH, c.context)) + 1) / 2 * (c.vocabulary - 1)
    for i, n in enumerate(lengths):
        ids[i, :n] = words[i, :n].astype("i8")
        ids[i, n] = c.vocabulary - 1
    ids[0, 2:] = c.vocabulary - 1
    return torch.from_numpy(ids)


def images(c):
    return torch.from_numpy(draws("images", (BATCH, c.channels, c.size, c.size)).astype("f4")).double()


# ---- OpenCLIP's layout ----


class Block(nn.Module):
    def __init__(self, width, heads, mlp, quick):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, mlp), "c_proj": nn.Linear(mlp, width)})
        self.activation = activation(quick)

    def forward(self, x, mask):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp["c_proj"](self.activation(self.mlp["c_fc"](self.ln_2(x))))


class Blocks(nn.Module):
    def __init__(self, depth, *args):
        super().__init__()
        self.resblocks = nn.ModuleList(Block(*args) for _ in range(depth))

    def forward(self, x, mask=None):
        for block in self.resblocks:
            x = block(x, mask)
        return x


class Vision(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.class_embedding = nn.Parameter(torch.zeros(c.width))
        self.positional_embedding = nn.Parameter(torch.zeros(1 + (c.size // c.patch) ** 2, c.width))
        self.proj = nn.Parameter(torch.zeros(c.width, c.embed))
        self.conv1 = nn.Conv2d(c.channels, c.width, c.patch, stride=c.patch, bias=False)
        self.ln_pre = nn.LayerNorm(c.width)
        self.transformer = Blocks(c.depth, c.width, c.heads, c.mlp, c.quick_gelu)
        self.ln_post = nn.LayerNorm(c.width)

    def forward(self, x):
        patches = self.conv1(x).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(x), 1, -1)
        x = torch.cat([first, patches], dim=1) + self.positional_embedding
        return self.ln_post(self.transformer(self.ln_pre(x))[:, 0]) @ self.proj


class OpenClip(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.zeros(c.context, c.text_width))
        self.text_projection = nn.Parameter(torch.zeros(c.text_width, c.embed))
        self.logit_scale = nn.Parameter(torch.zeros([]))
        self.visual = Vision(c)
        self.transformer = Blocks(c.text_depth, c.text_width, c.text_heads, c.text_mlp, c.quick_gelu)
        self.token_embedding = nn.Embedding(c.vocabulary, c.text_width)
        self.ln_final = nn.LayerNorm(c.text_width)

    def encode_image(self, x):
        return self.visual(x)

    def encode_text(self, ids):
        n = ids.shape[1]
        mask = torch.full((n, n), float("-inf"), dtype=self.text_projection.dtype).triu(1)
        x = self.transformer(self.token_embedding(ids) + self.positional_embedding, mask)
        return self.ln_final(x)[torch.arange(len(ids)), ids.argmax(1)] @ self.text_projection


def loss_of(model, x, ids):
    i, t = F.normalize(model.encode_image(x), dim=1), F.normalize(model.encode_text(ids), dim=1)
    z = model.logit_scale.exp() * i @ t.T
    y = torch.arange(len(z))
    return z, (F.cross_entropy(z, y) + F.cross_entropy(z.T, y)) / 2


def write_case(name, c):
    model = OpenClip(c)
    fill(model)
    x, ids = images(c), texts(c)
    logits, loss = loss_of(model, x, ids)
    loss.backward()
    metadata = {"command": "scripts/golden/clip.py", "torch": torch.__version__}
    arrays = {"case": np.array(c, "<i8"), "texts": ids.numpy(), "logits": logits.detach().numpy()}
    arrays["loss"] = np.array([loss.item()])
    arrays["image_embeddings"] = model.encode_image(x).detach().numpy()
    arrays["text_embeddings"] = model.encode_text(ids).detach().numpy()
    metadata["gradients"], arrays["gradients"] = summary((n, p.grad) for n, p in model.named_parameters())
    path = os.path.join(FOLDER, name + ".safetensors")
    safetensors_io.save(path, arrays, metadata)
    print(f"{path}: {os.path.getsize(path)} bytes, loss {loss.item():.6f}")


# ---- Hugging Face's layout ----


class HfAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.k_proj, self.v_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.q_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x, mask):
        n, t, width = x.shape
        q, k, v = (p(x).view(n, t, self.heads, -1).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        scores = q @ k.transpose(2, 3) * (width // self.heads) ** -0.5
        if mask is not None:
            scores = scores + mask
        return self.out_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, width))


class HfLayer(nn.Module):
    def __init__(self, width, heads, mlp, quick):
        super().__init__()
        self.self_attn = HfAttention(width, heads)
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, mlp), "fc2": nn.Linear(mlp, width)})
        self.activation = activation(quick)

    def forward(self, x, mask):
        x = x + self.self_attn(self.layer_norm1(x), mask)
        return x + self.mlp["fc2"](self.activation(self.mlp["fc1"](self.layer_norm2(x))))


class HfTower(nn.Module):
    """Text or vision: what differs is in the embeddings and in the name of the last norm."""

    def __init__(self, embeddings, depth, width, heads, mlp, quick, last):
        super().__init__()
        self.embeddings = nn.ModuleDict(embeddings)
        self.encoder = nn.ModuleDict({"layers": nn.ModuleList(HfLayer(width, heads, mlp, quick) for _ in range(depth))})
        self.add_module(last, nn.LayerNorm(width))

    def encode(self, x, mask=None):
        for layer in self.encoder["layers"]:
            x = layer(x, mask)
        return x


class HuggingFace(nn.Module):
    def __init__(self, c):
        super().__init__()
        patches = (c.size // c.patch) ** 2
        self.logit_scale = nn.Parameter(torch.tensor(2.6592))
        text = {"token_embedding": nn.Embedding(c.vocabulary, c.text_width)}
        text["position_embedding"] = nn.Embedding(c.context, c.text_width)
        args = c.text_depth, c.text_width, c.text_heads, c.text_mlp, c.quick_gelu
        self.text_model = HfTower(text, *args, "final_layer_norm")
        self.text_model.embeddings.register_buffer("position_ids", torch.arange(c.context)[None])
        vision = {"patch_embedding": nn.Conv2d(c.channels, c.width, c.patch, stride=c.patch, bias=False)}
        vision["position_embedding"] = nn.Embedding(1 + patches, c.width)
        args = c.depth, c.width, c.heads, c.mlp, c.quick_gelu
        self.vision_model = HfTower(vision, *args, "post_layernorm")
        self.vision_model.embeddings.class_embedding = nn.Parameter(torch.randn(c.width))
        self.vision_model.embeddings.register_buffer("position_ids", torch.arange(1 + patches)[None])
        self.vision_model.pre_layrnorm = nn.LayerNorm(c.width)
        self.visual_projection = nn.Linear(c.width, c.embed, bias=False)
        self.text_projection = nn.Linear(c.text_width, c.embed, bias=False)

    def encode_image(self, x):
        m = self.vision_model
        patches = m.embeddings["patch_embedding"](x).flatten(2).transpose(1, 2)
        first = m.embeddings.class_embedding.expand(len(x), 1, -1)
        x = torch.cat([first, patches], dim=1) + m.embeddings["position_embedding"].weight
        return self.visual_projection(m.post_layernorm(m.encode(m.pre_layrnorm(x))[:, 0]))

    def encode_text(self, ids):
        m, n = self.text_model, ids.shape[1]
        mask = torch.full((n, n), float("-inf")).triu(1)
        x = m.embeddings["token_embedding"](ids) + m.embeddings["position_embedding"].weight
        x = m.final_layer_norm(m.encode(x, mask))
        return self.text_projection(x[torch.arange(len(ids)), ids.argmax(1)])


# ---- model directories ----


def shake(model, half, deviation):
    """Random values that are exact in half precision (norms and biases, too, are no longer 1 and 0)."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=generator)
            p.copy_((noise * deviation + (1 if "norm" in name or "ln_" in name else 0)).to(half).to(p.dtype))


def write_files(folder, c, model, half, configs, weights):
    os.makedirs(folder, exist_ok=True)
    shake(model, half, 0.3 if c == FILES else 0.02)
    state = {n: t.numpy() for n, t in model.state_dict().items()}
    if half == torch.float16:
        state = {n: t.astype("<f2") if t.dtype.kind == "f" else t for n, t in state.items()}
        safetensors_io.save(os.path.join(folder, weights), state, {"format": "pt"})
    else:
        safetensors_io.save(os.path.join(folder, weights), state, {"format": "pt"}, bf16=state)
    for file, content in configs.items():
        with open(os.path.join(folder, file), "w") as f:
            json.dump(content, f, indent=1)
            f.write("\n")
    model.double()
    ids = texts(c)
    with torch.no_grad():
        arrays = {"texts": ids.numpy(), "image_embeddings": model.encode_image(images(c)).numpy()}
        arrays["text_embeddings"] = model.encode_text(ids).numpy()
    safetensors_io.save(os.path.join(folder, "embeddings.safetensors"), arrays)
    print(f"{folder}: {os.path.getsize(os.path.join(folder, weights))} bytes of weights")


def open_clip_config(c):
    vision = {"image_size": c.size, "layers": c.depth, "width": c.width, "patch_size": c.patch}
    vision["head_width"] = c.width // c.heads
    text = {"context_length": c.context, "vocab_size": c.vocabulary, "width": c.text_width}
    text.update({"heads": c.text_heads, "layers": c.text_depth, "mlp_ratio": c.text_mlp / c.text_width})
    model = {"embed_dim": c.embed, "quick_gelu": bool(c.quick_gelu), "vision_cfg": vision, "text_cfg": text}
    preprocess = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4], "interpolation": "bilinear", "resize_mode": "squash"}
    return {"model_cfg": model, "preprocess_cfg": preprocess}


def hugging_face_config(c):
    vision = {"hidden_size": c.width, "intermediate_size": c.mlp, "num_hidden_layers": c.depth}
    vision.update({"num_attention_heads": c.heads, "image_size": c.size, "patch_size": c.patch, "model_type": "x"})
    vision["hidden_act"] = "quick_gelu" if c.quick_gelu else "gelu"
    text = {"hidden_size": c.text_width, "intermediate_size": c.text_mlp, "num_hidden_layers": c.text_depth}
    text["hidden_act"] = vision["hidden_act"]
    text.update({"num_attention_heads": c.text_heads, "vocab_size": c.vocabulary, "max_position_embeddings": c.context})
    return {"model_type": "clip", "projection_dim": c.embed, "vision_config": vision, "text_config": text}


def write_directories(folder, c):
    torch.manual_seed(1)
    configs = {"open_clip_config.json": open_clip_config(c)}
    open_clip = os.path.join(folder, "open-clip")
    write_files(open_clip, c, OpenClip(c), torch.bfloat16, configs, "open_clip_model.safetensors")
    preprocessor = {"size": {"shortest_edge": c.size}, "crop_size": {"height": c.size, "width": c.size}}
    preprocessor.update({"resample": 3, "image_mean": [0.48, 0.45, 0.4], "image_std": [0.26, 0.26, 0.27]})
    configs = {"config.json": hugging_face_config(c), "preprocessor_config.json": preprocessor}
    hugging_face = os.path.join(folder, "hugging-face")
    write_files(hugging_face, c, HuggingFace(c), torch.float16, configs, "model.safetensors")


def main():
    if sys.argv[1:2] == ["--vit-b-16"]:
        write_directories(sys.argv[2], VIT_B_16)
        return
    os.makedirs(FOLDER, exist_ok=True)
    for name, c in CASES.items():
        write_case(name, c)
    write_directories(FOLDER, FILES)


main()
