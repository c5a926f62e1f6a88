#!/usr/bin/python3
"""Golden values of the networks, in double: one training step's logits, loss, gradients and running statistics, then
logits in evaluation. Of transformers also the losses of STEPS updates and how far each parameter moves meanwhile: all of
them, and those of the attention and the classifier only (as DomainBed's vit_attn_tune).

    scripts/golden/nets.py [NETWORK...]
                                      writes tests/golden/net/<network>.safetensors (without names: of all)
    scripts/golden/nets.py --weights NAME FILE
                                      writes torchvision's own NAME (random values) to FILE, and its logits, to try
                                      net_load by hand

Weights and images are not stored: both sides compute them from the tensor's name and the element's index (draws()).
Where torchvision is installed, resnet-18 and resnet-50 are compared with it: names, shapes, logits; vit-mini-4, whose names
are timm's, its logits.
"""

import os
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io

# network -> (size, channels, batch, classes); the test reads these from the file
CASES = {
    "mnist-cnn": (17, 2, 3, 5),
    "resnet-small": (32, 3, 4, 7),
    "wrn-16-2": (32, 3, 3, 4),
    "resnet-18": (33, 3, 4, 7),
    "resnet-50": (40, 1, 6, 5),
    "vit-mini-4": (20, 3, 4, 7),
}
STEPS = 5
# A large eps: the gradient of the keys' bias is 0 but for rounding errors, which a small one makes steps of.
ADAMW = {"lr": 1e-3, "weight_decay": 0.1, "eps": 1e-2}
SAMPLES = 8  # elements shown of each gradient, evenly spread


# ---- networks, as plain modules under the published names ----


def conv(i, o, k, stride=1, bias=False):
    return nn.Conv2d(i, o, k, stride=stride, padding=k // 2, bias=bias)


class Block(nn.Module):
    def __init__(self, rows, i, out, stride):
        super().__init__()
        self.n = len(rows)
        width = i
        for k, (kernel, o, s) in enumerate(rows, 1):
            setattr(self, f"conv{k}", conv(width, o, kernel, s))
            setattr(self, f"bn{k}", nn.BatchNorm2d(o))
            width = o
        self.downsample = None
        if stride != 1 or i != out:
            self.downsample = nn.Sequential(conv(i, out, 1, stride), nn.BatchNorm2d(out))

    def forward(self, x):
        y = x
        for k in range(1, self.n + 1):
            y = getattr(self, f"bn{k}")(getattr(self, f"conv{k}")(y))
            if k < self.n:
                y = F.relu(y)
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, channels, classes, stem, pool, bottleneck, stages):
        super().__init__()
        width, kernel, stride = stem
        self.conv1 = conv(channels, width, kernel, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.pool = pool
        self.n_stages = len(stages)
        for number, (blocks, c, stride) in enumerate(stages, 1):
            layers = []
            for b in range(blocks):
                s = stride if b == 0 else 1
                rows = [(1, c, 1), (3, c, s), (1, 4 * c, 1)] if bottleneck else [(3, c, s), (3, c, 1)]
                layers.append(Block(rows, width, rows[-1][1], s))
                width = rows[-1][1]
            setattr(self, f"layer{number}", nn.Sequential(*layers))
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        if self.pool:
            x = F.max_pool2d(x, 3, 2, 1)
        for number in range(1, self.n_stages + 1):
            x = getattr(self, f"layer{number}")(x)
        return self.fc(x.mean((2, 3)))


class MnistCnn(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        widths = [channels, 64, 128, 128, 128]
        for k in range(4):
            setattr(self, f"conv{k + 1}", conv(widths[k], widths[k + 1], 3, 2 if k == 1 else 1, bias=True))
        for k in range(4):
            setattr(self, f"bn{k}", nn.GroupNorm(8, widths[k + 1]))
        self.classifier = nn.Linear(128, classes)

    def forward(self, x):
        for k in range(4):
            x = getattr(self, f"bn{k}")(F.relu(getattr(self, f"conv{k + 1}")(x)))
        return self.classifier(x.mean((2, 3)))


class WideBlock(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(i)
        self.conv1 = conv(i, o, 3, bias=True)
        self.bn2 = nn.BatchNorm2d(o)
        self.conv2 = conv(o, o, 3, stride, bias=True)
        same = stride == 1 and i == o
        self.shortcut = nn.Sequential() if same else nn.Sequential(conv(i, o, 1, stride, bias=True))

    def forward(self, x):
        return self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(x)))))) + self.shortcut(x)


class WideResNet(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.conv1 = conv(channels, 16, 3, bias=True)
        width = 16
        for number, (o, stride) in enumerate([(32, 1), (64, 2), (128, 2)], 1):
            setattr(self, f"layer{number}", nn.Sequential(WideBlock(width, o, stride), WideBlock(o, o, 1)))
            width = o
        self.bn1 = nn.BatchNorm2d(width, momentum=0.9)
        self.classifier = nn.Linear(width, classes)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.conv1(x))))
        return self.classifier(F.relu(self.bn1(x)).mean((2, 3)))


class TransformerBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def attend(self, x):
        n, t, width = x.shape
        q, k, v = self.attn["qkv"](x).view(n, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        shares = torch.softmax(q @ k.transpose(2, 3) / (width // self.heads) ** 0.5, dim=3)
        return self.attn["proj"]((shares @ v).transpose(1, 2).reshape(n, t, width))

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class Vit(nn.Module):
    """With timm's names; images of one size."""

    def __init__(self, channels, classes, size, patch, width, depth, heads):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + (size // patch) ** 2, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(channels, width, patch, stride=patch)})
        self.blocks = nn.Sequential(*(TransformerBlock(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        patches = self.patch_embed["proj"](x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_token.expand(len(x), -1, -1), patches], dim=1) + self.pos_embed
        return self.head(self.norm(self.blocks(tokens))[:, 0])


def make(name, channels, classes):
    if name == "vit-mini-4":
        return Vit(channels, classes, CASES[name][0], 4, 96, 6, 3)
    if name == "mnist-cnn":
        return MnistCnn(channels, classes)
    if name == "wrn-16-2":
        return WideResNet(channels, classes)
    if name == "resnet-small":
        return ResNet(channels, classes, (32, 3, 1), False, False, [(1, 32, 2), (1, 64, 2), (1, 128, 2)])
    blocks = {"resnet-18": (2, 2, 2, 2), "resnet-50": (3, 4, 6, 3)}[name]
    stages = list(zip(blocks, (64, 128, 256, 512), (1, 2, 2, 2)))
    return ResNet(channels, classes, (64, 7, 2), True, name == "resnet-50", stages)


# ---- values both sides compute ----


def draws(name, shape):
    """Uniform in [-1,1): SplitMix64's finaliser over (FNV-1a of the name) * odd + index, indices in PyTorch's layout."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(h) * np.uint64(0x9E3779B97F4A7C15) + np.arange(np.prod(shape), dtype=np.uint64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return ((z >> np.uint64(11)).astype("f8") / 2.0**52 - 1).reshape(shape)


def value(name, shape):
    u = draws(name, shape)
    if len(shape) > 1:
        u = u * np.sqrt(6 / np.prod(shape[1:]))
    elif name.endswith("running_var"):
        u = 1 + 0.5 * u
    elif name.endswith("bn3.weight"):
        # The ends of ResNet-50's branches: with gain 1 this deep net of random weights turns a rounding error of float
        # into ReLUs that change sides; PyTorch's own float is then 10 % off in single gradients.
        u = 0.1 + 0.03 * u
    elif name.endswith("weight"):
        u = 1 + 0.3 * u
    else:
        u = 0.2 * u
    return np.asarray(u, "f4")


def fill(net):
    state = net.state_dict()
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            state[name] = torch.from_numpy(value(name, tuple(tensor.shape))).double()
    net.double().load_state_dict(state)


def summary(tensors):
    """names and one row each: L2 norm, then SAMPLES elements spread over the tensor."""
    names, rows = [], []
    for name, tensor in tensors:
        flat = tensor.detach().numpy().reshape(-1)
        at = np.arange(SAMPLES) * len(flat) // SAMPLES
        names.append(name)
        rows.append(np.concatenate([[np.sqrt((flat**2).sum())], flat[at]]))
    return "\n".join(names), np.array(rows)


def train(name, channels, classes, x, y, learns):
    """STEPS updates of the parameters that learn, from the same values: losses, movements by name."""
    net = make(name, channels, classes)
    fill(net)
    start = {n: p.detach().clone() for n, p in net.named_parameters()}
    optimizer = torch.optim.AdamW([p for n, p in net.named_parameters() if learns(n)], **ADAMW)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, [(n, p - start[n]) for n, p in net.named_parameters() if learns(n)]


def write(name, folder):
    size, channels, batch, classes = CASES[name]
    net = make(name, channels, classes)
    fill(net)
    compare_with_torchvision(name, net, channels, classes)
    compare_vit_with_torchvision(name, net, size, classes)
    x = torch.from_numpy(draws("images", (batch, channels, size, size)).astype("f4")).double()
    y = torch.arange(batch) % classes
    net.train()
    logits = net(x)
    loss = F.cross_entropy(logits, y)
    loss.backward()
    metadata = {"command": "scripts/golden/nets.py", "torch": torch.__version__}
    arrays = {"case": np.array([size, channels, batch, classes], "<i8")}
    arrays["logits"], arrays["loss"] = logits.detach().numpy(), np.array([loss.item()])
    metadata["gradients"], arrays["gradients"] = summary((n, p.grad) for n, p in net.named_parameters())
    if isinstance(net, Vit):  # in the same order
        metadata["torchvision_names"] = "\n".join(torchvision_name(n) for n, _ in net.named_parameters())
    stats = [(n, b) for n, b in net.named_buffers() if "running" in n]
    if stats:
        metadata["statistics"], arrays["statistics"] = summary(stats)
    net.eval()
    arrays["eval_logits"] = net(x).detach().numpy()
    if name.startswith("vit"):
        kinds = {"all": lambda n: True, "attention": lambda n: "attn" in n or n.startswith("head")}
        for kind, learns in kinds.items():
            losses, moves = train(name, channels, classes, x, y, learns)
            arrays[f"{kind}_losses"] = np.array(losses)
            metadata[f"{kind}_moves"], arrays[f"{kind}_moves"] = summary(moves)
    path = os.path.join(folder, name + ".safetensors")
    safetensors_io.save(path, arrays, metadata)
    print(f"{path}: {os.path.getsize(path)} bytes, loss {loss.item():.6f}")


def torchvision_net(name, classes):
    try:
        import torchvision
    except ImportError:
        return None
    kinds = {"resnet-18": torchvision.models.resnet18, "resnet-50": torchvision.models.resnet50}
    return kinds[name](num_classes=classes) if name in kinds else None


def compare_with_torchvision(name, net, channels, classes):
    theirs = torchvision_net(name, classes)
    if theirs is None:
        return
    if channels != 3:
        theirs.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
    ours = net.state_dict()
    assert list(theirs.state_dict()) == list(ours), "names differ from torchvision's"
    theirs.double().load_state_dict(ours)
    x = torch.from_numpy(draws("images", (2, channels, 64, 64)))
    net.eval(), theirs.eval()
    assert torch.allclose(net(x), theirs(x), rtol=1e-12), "logits differ from torchvision's"
    print(f"{name}: names and logits as torchvision's")


def torchvision_name(name):
    """torchvision's name of a parameter of timm's ViT."""
    for ours, theirs in [
        ("cls_token", "class_token"),
        ("pos_embed", "encoder.pos_embedding"),
        ("patch_embed.proj.", "conv_proj."),
        ("blocks.", "encoder.layers.encoder_layer_"),
        (".norm1.", ".ln_1."),
        (".norm2.", ".ln_2."),
        (".attn.qkv.", ".self_attention.in_proj_"),
        (".attn.proj.", ".self_attention.out_proj."),
        (".mlp.fc1.", ".mlp.0."),
        (".mlp.fc2.", ".mlp.3."),
        ("head.", "heads.head."),
    ]:
        name = name.replace(ours, theirs)
    return "encoder.ln." + name[len("norm.") :] if name.startswith("norm.") else name


def compare_vit_with_torchvision(name, net, size, classes):
    if not isinstance(net, Vit):
        return
    try:
        from torchvision.models.vision_transformer import VisionTransformer
    except ImportError:
        return
    theirs = VisionTransformer(size, 4, len(net.blocks), 3, 96, 4 * 96, num_classes=classes).double()
    theirs.load_state_dict({torchvision_name(n): p for n, p in net.state_dict().items()})
    x = torch.from_numpy(draws("images", (2, 3, size, size)))
    theirs.eval()
    assert torch.allclose(net(x), theirs(x), rtol=1e-12), "logits differ from torchvision's"
    print(f"{name}: logits as torchvision's")


def write_weights(name, path):
    torch.manual_seed(1)
    net = torchvision_net(name, 1000).eval()
    arrays = {n: t.numpy() for n, t in net.state_dict().items()}
    safetensors_io.save(path, arrays)
    x = torch.from_numpy(draws("images", (2, 3, 64, 64)).astype("f4"))
    print("logits of the two first images of draws(\"images\"), class 0..4:")
    print(net(x)[:, :5].detach().numpy())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--weights"]:
        write_weights(sys.argv[2], sys.argv[3])
    else:
        for case in sys.argv[1:] or CASES:
            write(case, os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "net"))
