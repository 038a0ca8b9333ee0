"""Random networks of parallel linear branches collapse to as few convolutions as there are sources that need one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass(frozen=True)
class Setting:
    """What all branches of one network share; `size` is odd, so that strided branches agree."""

    spatial: int
    channels: int
    groups: int
    stride: int
    dilation: int
    size: int


@dataclass(frozen=True)
class Branch:
    """A leaf: a convolution of `kernel`, or `kind` without one; of input number `source`."""

    kind: str
    source: int
    kernel: tuple[int, ...] = ()
    norm: bool = False
    bias: bool = True


@dataclass(frozen=True)
class Joint:
    """`kind`: add, sub, rsub, alpha of two; scale, shift, neg, norm of one."""

    kind: str
    parts: tuple[Joint | Branch, ...]


class Network(nn.Module):
    def __init__(self, setting: Setting, tree: Joint | Branch) -> None:
        super().__init__()
        self.setting, self.tree = setting, tree
        self.layers = nn.ModuleDict()
        self._build(tree, "r")

    def _build(self, tree: Joint | Branch, path: str) -> None:
        s = self.setting
        norm = NORMS[s.spatial](s.channels)
        if isinstance(tree, Joint):
            if tree.kind == "norm":
                self.layers[path] = norm
            elif tree.kind == "scale":
                self.register_buffer(f"scale_{path}", torch.randn(s.channels, *([1] * s.spatial)))
            for number, part in enumerate(tree.parts):
                self._build(part, f"{path}{number}")
        elif tree.kind == "conv":
            padding = tuple(s.dilation * (k - 1) // 2 for k in tree.kernel)
            conv = CONVOLUTIONS[s.spatial](
                *(s.channels, s.channels, tree.kernel, s.stride, padding, s.dilation, s.groups), bias=tree.bias
            )
            self.layers[path] = nn.Sequential(conv, norm) if tree.norm else conv
        elif tree.kind == "norm":
            self.layers[path] = norm

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self._run(self.tree, "r", inputs))

    def _run(self, tree: Joint | Branch, path: str, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        if isinstance(tree, Branch):
            x = inputs[tree.source]
            if tree.kind == "pool":
                return F.avg_pool2d(x, 3, self.setting.stride, 1)
            return x if tree.kind == "identity" else self.layers[path](x)
        parts = [self._run(part, f"{path}{number}", inputs) for number, part in enumerate(tree.parts)]
        match tree.kind:
            case "add":
                return parts[0] + parts[1]
            case "sub":
                return parts[0] - parts[1]
            case "rsub":
                return torch.rsub(parts[0], parts[1], alpha=2)
            case "alpha":
                return torch.add(parts[0], parts[1], alpha=-0.75)
            case "scale":
                return getattr(self, f"scale_{path}") * parts[0]
            case "shift":
                return 1.5 - parts[0]
            case "neg":
                return -parts[0]
            case _:
                return self.layers[path](parts[0])


@st.composite
# A pooling is a depthwise map; among dense branches it stays a pooling, since a dense kernel of its size costs more.
def networks(draw: st.DrawFn, sources: int) -> tuple[Setting, Joint | Branch]:
    spatial = draw(st.sampled_from([1, 2, 2, 2, 3]))
    channels = draw(st.sampled_from([2, 4, 6]))
    groups = draw(st.sampled_from([1, 2, channels]))
    stride = draw(st.sampled_from([1, 1, 2]))
    setting = Setting(spatial, channels, groups, stride, draw(st.integers(1, 2)), {1: 11, 2: 9, 3: 5}[spatial])
    kernels = st.tuples(*[st.sampled_from([1, 3, 5] if spatial < 3 else [1, 3])] * spatial)
    convolutions = st.builds(
        Branch, st.just("conv"), st.integers(0, sources - 1), kernels, st.booleans(), st.booleans()
    )
    kinds = (["identity", "norm"] if stride == 1 else []) + (["pool"] if spatial == 2 and groups == channels else [])
    others = [st.builds(Branch, st.sampled_from(kinds), st.integers(0, sources - 1))] if kinds else []
    leaves = st.one_of(convolutions, convolutions, *others)
    trees = st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Joint, st.sampled_from(["add", "sub", "rsub", "alpha"]), st.tuples(inner, inner)),
            st.builds(Joint, st.sampled_from(["scale", "shift", "neg", "norm"]), st.tuples(inner)),
        ),
        max_leaves=5,
    )
    # A depthwise 1x1 is a scale: one branch at least is wider.
    widest = Branch("conv", 0, (3,) * spatial, draw(st.booleans()), draw(st.booleans()))
    return setting, Joint("add", (widest, draw(trees)))


def leaves(tree: Joint | Branch) -> list[Branch]:
    return [tree] if isinstance(tree, Branch) else [leaf for part in tree.parts for leaf in leaves(part)]


@EXAMPLES
@given(networks(sources=1))
def test_branches_of_one_input_are_one_convolution(rewritten, network) -> None:
    setting, tree = network
    shape = (2, setting.channels, *[setting.size] * setting.spatial)
    outcome = rewritten(Network(setting, tree), shape, seed=7)
    assert outcome.operators == [f"conv{setting.spatial}d", "tanh"]


@EXAMPLES
@given(networks(sources=2))
def test_branches_of_two_inputs_are_one_convolution_each(rewritten, network) -> None:
    setting, tree = network
    shape = (1, setting.channels, *[setting.size] * setting.spatial)
    first, second = (Branch("conv", source, (3,) * setting.spatial) for source in (0, 1))
    outcome = rewritten(Network(setting, Joint("add", (Joint("sub", (tree, first)), second))), shape, shape, seed=7)
    convolution = f"conv{setting.spatial}d"
    assert sorted(outcome.operators) == ["add", convolution, convolution, "tanh"]


class Parallel(nn.Module):
    def __init__(self, features: int, signs: list[int], norm: bool) -> None:
        super().__init__()
        self.signs = signs
        self.layers = nn.ModuleList(nn.Linear(features, features, bias=sign > 0) for sign in signs)
        self.norm = nn.BatchNorm1d(features) if norm else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * 0.5
        for sign, layer in zip(self.signs, self.layers, strict=True):
            y = y + sign * layer(x)
        return torch.tanh(y if self.norm is None else self.norm(y))


@EXAMPLES
@given(st.integers(2, 5), st.lists(st.sampled_from([-2, -1, 1]), min_size=1, max_size=4), st.booleans())
def test_linear_branches_of_any_rank_are_one_linear(rewritten, rank, signs, norm) -> None:
    outcome = rewritten(Parallel(6, signs, norm and rank == 2), (*(2, 3, 2, 2)[: rank - 1], 6), seed=3)
    assert outcome.operators == ["linear", "tanh"]


@EXAMPLES
@given(
    st.sampled_from([1, 4]),
    st.integers(0, 2),
    st.sampled_from([1, 3, 5]),
    st.integers(1, 2),
    st.booleans(),
)
def test_a_batch_norm_before_a_convolution_folds_exactly_if_nothing_is_padded(  # noqa: PLR0917
    rewritten, groups, padding, kernel, dilation, shifts
) -> None:
    module = nn.Sequential(
        nn.ReLU(),
        nn.BatchNorm2d(4, affine=False),
        nn.Conv2d(4, 8, kernel, padding=padding, groups=groups, dilation=dilation),
    )
    module[1].running_mean.copy_(torch.randn(4) if shifts else torch.zeros(4))
    module[1].running_var.copy_(torch.rand(4) + 0.5)
    outcome = rewritten(module, (1, 4, 11, 10), seed=None)
    kept = bool(padding) and shifts
    assert outcome.operators == (["relu", "batch_norm", "conv2d"] if kept else ["relu", "conv2d"])
    assert bool(outcome.reasons("fold-batch-norm")) == kept
