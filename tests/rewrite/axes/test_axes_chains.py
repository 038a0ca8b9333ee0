"""Random chains of operators on up to eight axes: equal in float64, and nothing of more than the bound is left."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobiledeploy.rewrite.rules.bound_rank import BoundRank
from mobiledeploy.rewrite.rules.cancel_movement import CancelMovement
from mobiledeploy.rewrite.rules.constants import FoldConstants

MOST_AXES = 8
MOST_ELEMENTS = 4096


@dataclass(frozen=True)
class Chain:
    """`steps`: what is computed of the stack of values so far, one after the other, of an input of `shape`."""

    shape: tuple[int, ...]
    steps: tuple[tuple[str, Callable[[torch.Tensor], torch.Tensor]], ...]

    def __call__(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        results = []
        for name, step in self.steps:
            x = step(x)
            if name == "read":
                results.append(torch.sin(x.flatten()))
        return (*results, torch.cos(x.flatten()))


@st.composite
def factorizations(draw: st.DrawFn, total: int) -> tuple[int, ...]:
    """Any cut of a number, axes of size 1 here and there."""
    sizes, rest = [], total
    while rest > 1 and len(sizes) < MOST_AXES - 1:
        sizes.append(draw(st.sampled_from([d for d in range(1, min(rest, 12) + 1) if rest % d == 0])))
        rest //= sizes[-1]
    return (*sizes, rest)


@st.composite
def steps(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[str, Callable[[torch.Tensor], torch.Tensor]]:
    rank = len(shape)
    axis = draw(st.integers(0, rank - 1))
    axes = sorted(draw(st.sets(st.integers(0, rank - 1), min_size=1, max_size=3)))
    keeps = draw(st.booleans())
    order = draw(st.permutations(range(rank)))
    factors = draw(factorizations(math.prod(shape)))
    cut = draw(st.integers(0, shape[axis] - 1))
    times = draw(st.sampled_from([2, 3]))
    kinds: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "reshape": lambda x: x.reshape(factors),
        "permute": lambda x: x.permute(order),
        "tanh": torch.tanh,
        "read": lambda x: x * 0.5,
        "mean": lambda x: x.mean(axes, keepdim=keeps),
        "centre": lambda x: x - x.amax(axes, keepdim=True),
        "softmax": lambda x: x.softmax(axis),
        "part": lambda x: x.narrow(axis, cut, shape[axis] - cut),
        "select": lambda x: x.select(axis, cut),
        "cat": lambda x: torch.cat([x, -x.narrow(axis, cut, 1)], axis),
        "flip": lambda x: x.flip(axes),
        "parts": lambda x: sum(part * (i + 1.0) for i, part in enumerate(x.unbind(axis))),
        "repeat": lambda x: x.repeat(*(times if i == axis else 1 for i in range(rank))),
        "outer": lambda x: x + x.mean(axis, keepdim=True).permute(order).reshape(-1)[0],
        "square": lambda x: x @ x.mT if rank > 1 else x,
    }
    name = draw(st.sampled_from(["reshape", "reshape", "permute", "permute", *kinds]))
    return name, kinds[name]


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    shape = draw(st.sampled_from([(12, 6, 8), (2, 18, 16), (4, 9, 4, 6), (1, 24, 24), (3, 4, 2, 6, 4)]))
    x = torch.zeros(shape)
    x = x.reshape(draw(factorizations(x.numel())))
    first = tuple(x.shape)
    made: list[tuple[str, Callable[[torch.Tensor], torch.Tensor]]] = [("reshape", lambda x: x.reshape(first))]
    for _ in range(draw(st.integers(2, 9))):
        name, step = draw(steps(tuple(x.shape)))
        after = step(x)
        if after.dim() and 0 < after.numel() <= MOST_ELEMENTS and after.dim() <= MOST_AXES:
            x = after
            made.append((name, step))
    return Chain(shape, tuple(made))


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(chains(), st.sampled_from([5, 5, 5, 4, 3]))
def test_nothing_of_more_axes_is_left(rewritten, calls, chain, bound) -> None:
    rules = (FoldConstants(), BoundRank(bound), CancelMovement())
    shape = chain.shape if len(chain.shape) <= bound else (math.prod(chain.shape),)
    outcome = rewritten(calls(lambda self, x: chain(x.reshape(chain.shape))), shape, rules=rules)
    values = [node.meta["val"] for node in outcome.program.graph.nodes if node.op != "output"]
    tensors = [tensor for value in values for tensor in (value if isinstance(value, list | tuple) else (value,))]
    assert outcome.reasons("bound-rank") == []
    assert max(tensor.dim() for tensor in tensors) <= bound
