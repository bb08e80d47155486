"""The five networks as PyTorch modules, with the names that Twinset's weights have.

They take normalised pixels: what a weights' file says under `twinset.normalisation` is for the caller to do.
"""

import torch
from torch import nn
from torch.nn import functional as F


class PaperNet(nn.Module):
    def __init__(self, width, n_classes, image_size, dropout):
        super().__init__()
        self.dropout = dropout
        self.conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.fc1 = nn.Linear(2 * width * (image_size // 4) ** 2, 8 * width)
        self.fc2 = nn.Linear(8 * width, n_classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(F.dropout(x, self.dropout, self.training))


def conv3x3(n_in, n_out, stride=1):
    return nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)


def conv1x1(n_in, n_out, stride):
    return nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)


class Block(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.conv1 = conv3x3(n_in, n_out, stride)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = conv3x3(n_out, n_out)
        self.bn2 = nn.BatchNorm2d(n_out)
        is_same = stride == 1 and n_in == n_out
        self.shortcut = nn.Sequential(*[] if is_same else [conv1x1(n_in, n_out, stride), nn.BatchNorm2d(n_out)])

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class PreActBlock(nn.Module):
    """`shortcut` is what brings the input to the output's shape: its name, and a module around the convolution."""

    def __init__(self, n_in, n_out, stride, shortcut):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(n_in)
        self.conv1 = conv3x3(n_in, n_out, stride)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.conv2 = conv3x3(n_out, n_out)
        self.name, around = shortcut
        if stride != 1 or n_in != n_out:
            setattr(self, self.name, around(conv1x1(n_in, n_out, stride)))

    def forward(self, x):
        activated = F.relu(self.bn1(x))
        y = self.conv2(F.relu(self.bn2(self.conv1(activated))))
        return y + (getattr(self, self.name)(activated) if hasattr(self, self.name) else x)


def stage(block, n_blocks, n_in, n_out, stride, *more):
    first = block(n_in, n_out, stride, *more)
    return nn.Sequential(first, *[block(n_out, n_out, 1, *more) for _ in range(n_blocks - 1)])


class ResNet18(nn.Module):
    def __init__(self, width, n_classes):
        super().__init__()
        self.conv1 = conv3x3(3, width)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = stage(Block, 2, width, width, 1)
        self.layer2 = stage(Block, 2, width, 2 * width, 2)
        self.layer3 = stage(Block, 2, 2 * width, 4 * width, 2)
        self.layer4 = stage(Block, 2, 4 * width, 8 * width, 2)
        self.linear = nn.Linear(8 * width, n_classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.linear(F.adaptive_avg_pool2d(x, 1).flatten(1))


class PreActResNet18(nn.Module):
    def __init__(self, width, n_classes):
        super().__init__()
        shortcut = ("shortcut", nn.Sequential)
        self.conv1 = conv3x3(3, width)
        self.layer1 = stage(PreActBlock, 2, width, width, 1, shortcut)
        self.layer2 = stage(PreActBlock, 2, width, 2 * width, 2, shortcut)
        self.layer3 = stage(PreActBlock, 2, 2 * width, 4 * width, 2, shortcut)
        self.layer4 = stage(PreActBlock, 2, 4 * width, 8 * width, 2, shortcut)
        self.bn = nn.BatchNorm2d(8 * width)
        self.linear = nn.Linear(8 * width, n_classes)

    def forward(self, x):
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.conv1(x)))))
        return self.linear(F.adaptive_avg_pool2d(F.relu(self.bn(x)), 1).flatten(1))


class WideStage(nn.Module):
    def __init__(self, n_blocks, n_in, n_out, stride):
        super().__init__()
        self.layer = stage(PreActBlock, n_blocks, n_in, n_out, stride, ("convShortcut", lambda conv: conv))

    def forward(self, x):
        return self.layer(x)


class WideResNet(nn.Module):
    def __init__(self, depth, width, n_classes):
        super().__init__()
        n_blocks = (depth - 4) // 6
        self.conv1 = conv3x3(3, 16)
        self.block1 = WideStage(n_blocks, 16, 16 * width, 1)
        self.block2 = WideStage(n_blocks, 16 * width, 32 * width, 2)
        self.block3 = WideStage(n_blocks, 32 * width, 64 * width, 2)
        self.bn1 = nn.BatchNorm2d(64 * width)
        self.fc = nn.Linear(64 * width, n_classes)

    def forward(self, x):
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(F.adaptive_avg_pool2d(F.relu(self.bn1(x)), 1).flatten(1))


def build(network):
    """The module that a weights' file names under `twinset.network`."""
    model, width, n_classes, image_size = (network[key] for key in ["model", "width", "n-classes", "image-size"])
    match model:
        case "paper-standard":
            return PaperNet(width, n_classes, image_size, dropout=0.5)
        case "paper-robust":
            return PaperNet(width, n_classes, image_size, dropout=0.0)
        case "resnet-18":
            return ResNet18(width, n_classes)
        case "preact-resnet-18":
            return PreActResNet18(width, n_classes)
        case "wide-resnet":
            return WideResNet(network["depth"], width, n_classes)
    raise ValueError(f"no network is called {model}")


def normalise(pixels, normalisation):
    """Pixels `[n, 3, h, w]` in [0, 1] as the networks take them; `normalisation` as weights' files have it."""
    mean, std = (torch.tensor(normalisation[key]).view(-1, 1, 1) for key in ["mean", "std"])
    return (pixels - mean) / std
