"""The trainings of the bench in eager PyTorch, as one would write them, and with what is known to make them faster.

For each line on stdin, the name of a workload, it takes that workload's steps and prints images a second of processor time.
"""

import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

BATCH = 128
EPSILON, STEP_SIZE, N_STEPS = 8 / 255, 2 / 255, 10


class Network(nn.Module):
    """The published networks: two convolutions, two linear layers; dropout in the standard one."""

    def __init__(self, width, dropout):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.fc1 = nn.Linear(2 * width * 8 * 8, 8 * width)
        self.fc2 = nn.Linear(8 * width, 10)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(self.dropout(F.relu(self.fc1(x.flatten(1)))))


class Images(torch.utils.data.Dataset):
    """Images in memory, as torchvision's CIFAR-10 has them."""

    def __init__(self, n, transform):
        self.pixels = torch.randint(256, (n, 32, 32, 3), dtype=torch.uint8).numpy()
        self.labels = torch.randint(10, (n,)).tolist()
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        from PIL import Image

        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def standard_end_to_end(n_batches):
    from torchvision import transforms

    transform = transforms.Compose([
        transforms.RandomCrop(32, padding=4),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    ])
    # In this process: a worker would need a core of its own.
    loader = torch.utils.data.DataLoader(Images(n_batches * BATCH, transform), BATCH, shuffle=True)
    network = Network(16, 0.5)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def run():
        for images, labels in loader:
            optimizer.zero_grad()
            F.cross_entropy(network(images), labels).backward()
            optimizer.step()

    return run


def standard_step(n_batches, channels_last=False):
    network = Network(16, 0.5)
    images, labels = torch.rand(BATCH, 3, 32, 32) * 2 - 1, torch.randint(10, (BATCH,))
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def run():
        for _ in range(n_batches):
            optimizer.zero_grad()
            F.cross_entropy(network(images), labels).backward()
            optimizer.step()

    return run


def robust(n_batches, tuned=False, bfloat16=False):
    network = nn.Sequential(Normalise(), Network(32, 0.0))
    images, labels = torch.rand(BATCH, 3, 32, 32), torch.randint(10, (BATCH,))
    if tuned:
        network = network.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)

    def loss_of(pixels):
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            return F.cross_entropy(network(pixels), labels)

    def attack():
        attacked = images + torch.empty_like(images).uniform_(-EPSILON, EPSILON)
        attacked = attacked.clamp(0, 1)
        for _ in range(N_STEPS):
            attacked = attacked.detach().requires_grad_()
            if tuned:
                (gradient,) = torch.autograd.grad(loss_of(attacked), attacked)
            else:
                # Computes the weights' gradients as well, and throws them away.
                network.zero_grad()
                loss_of(attacked).backward()
                gradient = attacked.grad
            attacked = attacked.detach() + STEP_SIZE * gradient.sign()
            attacked = torch.max(torch.min(attacked, images + EPSILON), images - EPSILON).clamp(0, 1)
        return attacked

    def run():
        for _ in range(n_batches):
            network.eval()
            attacked = attack()
            network.train()
            optimizer.zero_grad()
            loss_of(attacked).backward()
            optimizer.step()

    return run


class Normalise(nn.Module):
    def forward(self, x):
        return (x - 0.5) / 0.5


if __name__ == "__main__":
    torch.set_num_threads(1)
    n_standard, n_robust = int(sys.argv[1]), int(sys.argv[2])
    # Workload, its batches, and how it is made.
    workloads = {
        "standard-end-to-end": (n_standard, lambda: standard_end_to_end(n_standard)),
        "standard-step": (n_standard, lambda: standard_step(n_standard)),
        "standard-step-tuned": (n_standard, lambda: standard_step(n_standard, channels_last=True)),
        "robust": (n_robust, lambda: robust(n_robust)),
        "robust-tuned": (n_robust, lambda: robust(n_robust, tuned=True)),
        "robust-tuned-bfloat16": (n_robust, lambda: robust(n_robust, tuned=True, bfloat16=True)),
    }
    print("PyTorch", torch.__version__, flush=True)
    made = {}
    for line in sys.stdin:
        name = line.strip()
        try:
            n_batches, make = workloads[name]
            if name not in made:
                made[name] = make()
            start = time.process_time()
            made[name]()
            print(n_batches * BATCH / (time.process_time() - start), flush=True)
        except Exception as error:
            print(f"error: {error}".replace("\n", " "), flush=True)
