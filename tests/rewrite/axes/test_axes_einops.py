"""What people write with einops, in its patterns: every value of five axes at most, and equal in float64."""

from __future__ import annotations

import einops
import pytest
import torch
from einops.layers.torch import EinMix, Rearrange, Reduce

from mobiledeploy.rewrite.recipes import recipe

PATTERNS = [
    ("windows", "b (h i) (w j) c -> (b h w) (i j) c", {"i": 2, "j": 3}, (2, 4, 6, 3)),
    ("pixel shuffle", "b (c i j) h w -> b c (h i) (w j)", {"i": 2, "j": 2}, (2, 12, 3, 5)),
    ("space to depth", "b c (h i) (w j) -> b (c i j) h w", {"i": 2, "j": 2}, (2, 3, 4, 6)),
    ("MobileViT unfold", "b d (h i) (w j) -> b (i j) (h w) d", {"i": 2, "j": 2}, (1, 3, 4, 6)),
    ("MobileViT unfold of two", "b d (h i) (w j) -> b (i j) (h w) d", {"i": 2, "j": 2}, (2, 3, 4, 6)),
    ("MaxViT grid", "b d (i x) (j y) -> b x y i j d", {"i": 2, "j": 2}, (1, 3, 4, 6)),
    ("three dimensions", "b c (t p) (h q) (w r) -> b (t h w) (p q r c)", {"p": 2, "q": 2, "r": 2}, (1, 3, 4, 4, 6)),
    ("heads of windows", "b (x i) (y j) (h d) -> (b x y) h (i j) d", {"i": 2, "j": 2, "h": 3}, (1, 4, 4, 12)),
    ("eight axes", "(a b) (c d) (e f) (g h) -> (h a f c) (g b e d)", {"a": 2, "c": 2, "e": 2, "g": 2}, (4, 6, 4, 6)),
]

# Six groups of axes change places, or more.
TWICE = {"MobileViT unfold of two", "three dimensions", "heads of windows", "eight axes"}


def largest_rank(outcome) -> int:
    values = [node.meta["val"] for node in outcome.program.graph.nodes if node.op != "output"]
    return max(tensor.dim() for value in values for tensor in (value if isinstance(value, list | tuple) else (value,)))


def flat(x: torch.Tensor) -> torch.Tensor:
    return x.flatten(1) if x.dim() > 5 else x


@pytest.mark.parametrize(("name", "pattern", "sizes", "shape"), PATTERNS, ids=[name for name, *_ in PATTERNS])
def test_rearrange_moves_once_or_twice(rewritten, calls, name, pattern, sizes, shape) -> None:  # noqa: PLR0917
    outcome = rewritten(calls(lambda self, x: flat(einops.rearrange(x, pattern, **sizes)).exp()), shape)
    assert largest_rank(outcome) <= 5
    assert outcome.operators.count("permute") == (2 if name in TWICE else 1)
    assert set(outcome.operators) <= {"reshape", "permute", "exp"}


@pytest.mark.parametrize(("name", "pattern", "sizes", "shape"), PATTERNS, ids=[name for name, *_ in PATTERNS])
def test_rearrange_and_back_is_nothing(rewritten, calls, name, pattern, sizes, shape) -> None:  # noqa: PLR0917
    left, right = pattern.split(" -> ")
    known = einops.parse_shape(torch.empty(shape), " ".join(f"n{i}" for i in range(len(shape))))
    assert list(known.values()) == list(shape)

    def forward(self, x):
        there = torch.tanh(einops.rearrange(x, pattern, **sizes))
        return einops.rearrange(there, f"{right} -> {left}", **sizes, **missing(left, sizes, shape))

    assert rewritten(calls(forward), shape).operators == ["tanh"]


def missing(left: str, sizes: dict[str, int], shape: tuple[int, ...]) -> dict[str, int]:
    """The sizes that the way back cannot tell from a product."""
    axes = left.replace("(", " ( ").replace(")", " ) ").split()
    found, group, place = {}, None, 0
    for axis in axes:
        if axis == "(":
            group = []
        elif axis == ")":
            rest = shape[place]
            for name in group:
                rest //= sizes.get(name, 1)
            found.update({name: rest for name in group if name not in sizes})
            group, place = None, place + 1
        elif group is not None:
            group.append(axis)
        else:
            found[axis], place = shape[place], place + 1
    return found


OTHERS = [
    ("reduce", lambda x: einops.reduce(x, "b (h i) (w j) c -> b h w c", "mean", i=2, j=3)),
    ("reduce of six", lambda x: einops.reduce(x, "b (h i) (w j) (c d) -> h w d", "max", i=2, j=3, d=2)),
    ("repeat", lambda x: einops.repeat(x, "b h w c -> (b n) (h i) (w j) c", n=2, i=2, j=3)),
    ("repeat in six", lambda x: einops.repeat(x, "b (h i) (w j) c -> (h w) (b n) (c j i)", n=2, i=2, j=3)),
    ("einsum", lambda x: einops.einsum(x, x, "b h i c, b h j c -> b h i j").softmax(-1)),
    ("pack", lambda x: einops.pack([x, x[:, 0], x[:, 0, 0]], "b * c")[0].exp()),
    ("unpack", lambda x: einops.unpack(x, [[2], []], "b * w c")[0].exp() if x.shape[1] == 3 else x[:, :2].exp()),
    ("layer", lambda x: Rearrange("b (h i) (w j) c -> b (i j) (h w) c", i=2, j=3)(x).softmax(-1)),
    ("reducing layer", lambda x: Reduce("b (h i) (w j) c -> b c h w", "sum", i=2, j=3)(x).exp()),
]


@pytest.mark.parametrize(("name", "forward"), OTHERS, ids=[name for name, _ in OTHERS])
def test_other_operations(rewritten, calls, name, forward) -> None:
    outcome = rewritten(calls(lambda self, x: forward(x)), (2, 4, 6, 4))
    assert largest_rank(outcome) <= 5
    assert "einsum" not in outcome.operators


def test_a_mixing_layer(rewritten) -> None:
    layer = EinMix("b (h i) (w j) c -> b h w d", "i j c d", "d", i=2, j=3, c=4, d=5)
    outcome = rewritten(layer, (2, 4, 6, 4), rules=recipe())
    assert largest_rank(outcome) <= 5
    assert outcome.operators.count("linear") == 1
