"""Models and factories that go wrong, each in its own way, for the table of errors."""

import torch
from torch import nn


class Tiny(nn.Module):
    mobiledeploy_inputs = ((1, 3, 32, 32),)

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        return self.head(self.conv(x).relu().mean((2, 3)))


class Dense(Tiny):
    def forward(self, x):
        features = self.conv(x)
        return {"out": features, "aux": features[:, :2]}


class Branching(Tiny):
    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else super().forward(-x)


class NotANumber(Tiny):
    def forward(self, x):
        return super().forward(x) * float("nan")


class Drawing(Tiny):
    def forward(self, x):
        return super().forward(x) + torch.rand(1, 4)


class Unfit(Tiny):
    mobiledeploy_inputs = ((1, 5, 32, 32),)


class Beyond(Tiny):
    """Its weights, with the factor folded into them, leave the range of fp16."""

    def forward(self, x):
        return self.head((self.conv(x) * 1e6).relu().mean((2, 3)))


class Overflow(Tiny):
    """Its activations leave the range of fp16."""

    def forward(self, x):
        return self.head((self.conv(x) * 1e3).square().square().mean((2, 3)))


class Deep(Tiny):
    """It gathers along one of six axes."""

    def forward(self, x):
        features = self.conv(x).reshape(1, 2, 4, 4, 4, 16)
        order = features.argsort(2)
        return self.head(torch.gather(features, 2, order).reshape(1, 8, 16, 16).mean((2, 3)))


class OneSize(Tiny):
    """Its head belongs to one number of places."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8 * 256, 4)

    def forward(self, x):
        return self.head(self.conv(x).flatten(1))


class Words(nn.Module):
    mobiledeploy_inputs = ((1, 16),)

    def forward(self, x):
        return x.softmax(-1)


class Positions(Tiny):
    """Its position embeddings are resampled for each size."""

    def __init__(self):
        super().__init__()
        self.positions = nn.Parameter(torch.randn(1, 8, 16, 16))

    def forward(self, x):
        features = self.conv(x)
        positions = nn.functional.interpolate(self.positions, size=features.shape[2:], mode="bicubic")
        return self.head((features + positions).relu().mean((2, 3)))


def raises():
    raise ValueError("no weights today")


def number():
    return 7


def needs(width):
    return Tiny()


def unshaped():
    return Tiny(), "large"
