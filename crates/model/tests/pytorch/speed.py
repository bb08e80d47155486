"""How long a pass forward and back takes here and in eager PyTorch, in turn, on one thread.

    cargo build --release --workspace --examples
    python speed.py ../../../../target/release/examples/forward_backward --model resnet-18 --width 64

Both have channels-last weights and images. Seconds are of processor time, so that other work disturbs little.
"""

import argparse
import statistics
import subprocess
import time

import torch
from torch.nn import functional as F

from networks import build, normalise


def eager(arguments):
    network = {"model": arguments.model, "width": arguments.width, "depth": 28, "n-classes": 10, "image-size": 32}
    module = build(network).to(memory_format=torch.channels_last).train(arguments.mode == "train")
    pixels = torch.rand(arguments.batch, 3, 32, 32).to(memory_format=torch.channels_last)
    pixels.requires_grad_(arguments.gradients == "pixels")
    labels = torch.arange(arguments.batch) % 10
    wanted = [pixels] if arguments.gradients == "pixels" else list(module.parameters())

    def once():
        start = time.thread_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.precision == "bfloat16"):
            logits = module(normalise(pixels, {"mean": 0.5, "std": 0.5}))
        gradients = torch.autograd.grad(F.cross_entropy(logits.float(), labels), wanted)
        seconds = time.thread_time() - start
        del gradients
        return seconds

    return once


def ours(arguments):
    words = [arguments.model, arguments.width, arguments.batch, arguments.mode, arguments.gradients, arguments.precision]
    program = [arguments.program, *map(str, words)]
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def once():
        process.stdin.write("\n")
        process.stdin.flush()
        return float(process.stdout.readline())

    return once


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--model", default="resnet-18")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--mode", choices=["train", "eval"], default="train")
    parser.add_argument("--gradients", choices=["weights", "pixels"], default="weights")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    both = {"eager": eager(arguments), "ours": ours(arguments)}
    seconds = {name: [] for name in both}
    for turn in range(1 + arguments.rounds):
        for name, once in both.items():
            found = once()
            if turn > 0:  # The first is for warming up.
                seconds[name].append(found)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        print(f"{name}: median {medians[name]:.4f} s of {min(values):.4f} to {max(values):.4f}")
    print(f"speed over eager: {medians['eager'] / medians['ours']:.3f}")
