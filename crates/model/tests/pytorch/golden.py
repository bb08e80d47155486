"""Writes the golden values in `../golden`: `python golden.py`, with PyTorch 2.11.

They are what PyTorch says of each network: its initial weights under `torch.manual_seed(1)`, and with other batch
normalisations its logits, gradients and, after training's forward pass, running statistics.
"""

import json
import math
from pathlib import Path

import torch
from torch.nn import functional as F

from networks import build, normalise

GREY = {"mean": 0.5, "std": 0.5}
CIFAR10 = {"mean": [0.4914, 0.4822, 0.4465], "std": [0.2470, 0.2435, 0.2616]}
SIZES = {"n-classes": 5, "image-size": 16}
NETWORKS = [
    ({"model": "paper-standard", "width": 4, **SIZES}, GREY),
    ({"model": "paper-robust", "width": 4, **SIZES}, CIFAR10),
    ({"model": "resnet-18", "width": 4, **SIZES}, GREY),
    ({"model": "preact-resnet-18", "width": 4, **SIZES}, CIFAR10),
    ({"model": "wide-resnet", "width": 1, "depth": 16, **SIZES}, GREY),
]
LABELS = [0, 3, 1]
N_VALUES = 4


def summary(tensor):
    """The sum, the root of the sum of squares, and some values spread over the tensor."""
    flat = tensor.detach().double().flatten()
    n = flat.numel()
    values = [flat[index * n // N_VALUES].item() for index in range(min(N_VALUES, n))]
    return [round_(value) for value in [flat.sum().item(), flat.norm().item(), *values]]


def round_(value):
    return float(f"{value:.8g}")


def set_norms(module):
    """Batch normalisations unlike new ones, so that nothing cancels."""
    for norm in module.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            for index in range(norm.num_features):
                norm.weight.data[index] = 1 + 0.3 * math.sin(index + 1)
                norm.bias.data[index] = 0.2 * math.cos(index)
                norm.running_mean[index] = 0.1 * math.sin(2 * index)
                norm.running_var[index] = 1 + 0.5 * math.cos(index) ** 2


def pass_through(network, normalisation, is_training):
    torch.manual_seed(1)
    module = build(network)
    set_norms(module)
    module.train(is_training)
    torch.manual_seed(2)
    size = network["image-size"]
    pixels = torch.rand(len(LABELS), 3, size, size).requires_grad_()
    logits = module(normalise(pixels, normalisation))
    loss = F.cross_entropy(logits, torch.tensor(LABELS))
    loss.backward()
    parameters = list(module.named_parameters())
    # A dozen of them, spread over the network.
    chosen = parameters[:: max(1, len(parameters) // 12)] + parameters[-2:]
    values = {
        "logits": [round_(value) for value in logits.flatten().tolist()],
        "loss": round_(loss.item()),
        "pixel_gradient": summary(pixels.grad),
        "gradients": {name: summary(parameter.grad) for name, parameter in chosen},
    }
    if is_training:
        buffers = list(module.named_buffers())
        values["buffers"] = {name: summary(buffer) for name, buffer in buffers[:3] + buffers[-3:]}
    return values


def golden(network, normalisation):
    torch.manual_seed(1)
    initial = {name: summary(tensor)[:3] for name, tensor in build(network).state_dict().items()}
    return {
        "torch": torch.__version__.split("+")[0],
        "network": network,
        "normalisation": normalisation,
        "initial": initial,
        "eval": pass_through(network, normalisation, False),
        "train": pass_through(network, normalisation, True),
    }


def dump(value, depth=0):
    """JSON with a line for each entry of the first three levels."""
    if not isinstance(value, dict) or depth == 3:
        return json.dumps(value)
    indent = " " * (depth + 1)
    lines = [f"{indent}{json.dumps(key)}: {dump(entry, depth + 1)}" for key, entry in value.items()]
    return "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = Path(__file__).parent.parent / "golden"
    for network, normalisation in NETWORKS:
        path = folder / f"{network['model']}.json"
        path.write_text(dump(golden(network, normalisation)) + "\n")
        print(path.name, path.stat().st_size, "bytes")
