"""AutoAttack by its authors, and torchattacks' PGD where it is installed: flags, and seconds of processor time.

Run by main.rs as `python reference.py TASK`, with the authors' checkout, the tests' networks.py and what PyTorch needs on PYTHONPATH. TASK is
a JSON file: weights, pixels and labels (raw bytes), their sizes, norm, epsilon, batch size and seed. The answer is one line of JSON.
"""

import json
import sys
import time
from pathlib import Path

import numpy
import torch
from autoattack import AutoAttack
from networks import build, normalise
from safetensors import safe_open


def network(path):
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    module = build(json.loads(header["twinset.network"]))
    module.load_state_dict(tensors)
    module = module.to(memory_format=torch.channels_last).eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    normalisation = json.loads(header["twinset.normalisation"])

    class Whole(torch.nn.Module):
        def forward(self, pixels):
            return module(normalise(pixels, normalisation))

    return Whole().eval()


def timed(work):
    start = time.process_time()
    found = work()
    return found, time.process_time() - start


def is_right(logits, pixels, labels, batch_size):
    batches = zip(pixels.split(batch_size), labels.split(batch_size))
    with torch.no_grad():
        return torch.cat([logits(x).argmax(1) == y for x, y in batches]).tolist()


def auto_attack(logits, pixels, labels, task):
    attack = AutoAttack(logits, norm=task["norm"], eps=task["epsilon"], seed=task["seed"], verbose=False, device="cpu")
    attack.logger.log = lambda _: None
    attacked, seconds = timed(lambda: attack.run_standard_evaluation(pixels, labels, bs=task["batch_size"]))
    return {"is_right": is_right(logits, attacked, labels, task["batch_size"]), "seconds": seconds}


def pgd(logits, pixels, labels, task):
    """Ten steps of 2/255 in the L-infinity ball of 8/255, from the image itself: nothing is drawn."""
    try:
        from torchattacks import PGD
    except ImportError:
        return None
    attack = PGD(logits, eps=8 / 255, alpha=2 / 255, steps=10, random_start=False)
    batches = list(zip(pixels.split(task["batch_size"]), labels.split(task["batch_size"])))
    attacked, seconds = timed(lambda: torch.cat([attack(x, y) for x, y in batches]))
    return {"is_right": is_right(logits, attacked, labels, task["batch_size"]), "seconds": seconds}


def main():
    torch.set_num_threads(1)
    task = json.loads(Path(sys.argv[1]).read_text())
    shape = (task["n"], 3, task["side"], task["side"])
    pixels = torch.from_numpy(numpy.fromfile(task["pixels"], dtype=numpy.uint8).reshape(shape)).float() / 255
    labels = torch.tensor(task["labels"])
    logits = network(task["weights"])
    answer = {"version": f"PyTorch {torch.__version__}", "auto_attack": auto_attack(logits, pixels, labels, task)}
    answer["pgd"] = pgd(logits, pixels, labels, task) if task["norm"] == "Linf" else None
    print(json.dumps(answer))


main()
