"""Parts of a graph that normalize one tensor along its last axes, read as functions and not as patterns.

x ──┬── mean(-1) ── sub ──┬── pow 2 ── mean(-1) ── + eps ── sqrt ──┐
    └─────────────────────┴──────────────────────────────────────  div     is layer_norm(x, eps)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from mobiledeploy.aten.evaluate import apply
from mobiledeploy.aten.graph import arguments, aten, is_call, shape
from mobiledeploy.rewrite.pointwise import POINTWISE, uniform

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

__all__ = ["Normalization", "normalization"]

_REDUCTIONS = (aten.mean.dim, aten.sum.dim_IntList, aten.var.correction, aten.var.dim, aten.amax, aten.amin)
# A layer norm by hand takes seven operators, one that repeats its mean nine.
_MOST_NODES = 12
# What float64 leaves of E[x²] - E[x]² at a mean of a sixth of the deviation; another epsilon differs by a tenth.
_TOLERANCE = 1e-10


@dataclass(frozen=True)
class Normalization:
    """`root` is `target(source, *arguments)`; `nodes`: the calls that compute it now, in graph order."""

    source: fx.Node
    root: fx.Node
    nodes: tuple[fx.Node, ...]
    target: Callable[..., Any]
    arguments: tuple[Any, ...]


def normalization(program: Program, root: fx.Node) -> Normalization | None:
    """What `root` is, where it ends a softmax, a layer norm or an RMS norm of three operators or more."""
    for source, nodes in _regions(program, root):
        axes = {tuple(axis for axis in _axes(node)) for node in nodes if is_call(node, *_REDUCTIONS)}
        if len(nodes) < 3 or len(axes) != 1 or shape(source) != shape(root):
            continue
        for target, given in _candidates(program, nodes, shape(source), axes.pop()):
            if _equal(program, source, nodes, target, given):
                return Normalization(source, root, nodes, target, given)
    return None


def _regions(program: Program, root: fx.Node) -> Iterator[tuple[fx.Node, tuple[fx.Node, ...]]]:
    """Every part that ends in `root`, reduces and reads one tensor only, the largest last; with that tensor."""
    if not is_call(root, aten.div, aten.mul):
        return
    inside: list[fx.Node] = []
    frontier = {root}
    while frontier and len(inside) < _MOST_NODES:
        node = max(frontier)
        if not is_call(node, *POINTWISE, *_REDUCTIONS, aten.expand):
            return
        frontier.remove(node)
        inside.append(node)
        frontier |= {source for source in node.all_input_nodes if uniform(program, source) is None}
        if len(frontier) == 1:
            (source,) = frontier
            value = source.meta.get("val")
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                yield source, tuple(reversed(inside))


def _axes(node: fx.Node) -> list[int]:
    given: Any = arguments(node)[1]
    axes = [given] if isinstance(given, int) else list(given or [])
    rank = len(shape(node.all_input_nodes[0]))
    return sorted(axis % rank for axis in axes)


def _candidates(
    program: Program, nodes: tuple[fx.Node, ...], sizes: tuple[int, ...], axes: tuple[int, ...]
) -> Iterator[tuple[Callable[..., Any], tuple[Any, ...]]]:
    small = _small_numbers(program, nodes)
    if any(is_call(node, aten.exp) for node in nodes):
        # One that keeps the sum from zero could hide under the tolerance.
        if len(axes) == 1 and not small:
            yield aten.softmax.int, (axes[0],)
        return
    if list(axes) != list(range(len(sizes) - len(axes), len(sizes))):
        return
    normalized = list(sizes[-len(axes) :]) if axes else []
    for eps in small if len(small) == 1 else ():
        yield aten.layer_norm.default, (normalized, None, None, eps)
        yield aten.rms_norm.default, (normalized, None, eps)


def _small_numbers(program: Program, nodes: tuple[fx.Node, ...]) -> list[float]:
    """What may be an epsilon."""
    given = [argument for node in nodes for argument in node.args]
    numbers = [uniform(program, one) if isinstance(one, fx.Node) else one for one in given]
    return sorted({float(one) for one in numbers if isinstance(one, int | float) and 0 < one <= 0.1})


def _equal(
    program: Program,
    source: fx.Node,
    nodes: tuple[fx.Node, ...],
    target: Callable[..., Any],
    given: tuple[Any, ...],
) -> bool:
    """On numbers of deviation 1, of one so small that an epsilon decides, and of one so large that none does."""
    generator = torch.Generator().manual_seed(0)
    eps = given[-1] if isinstance(given[-1], float) else 1.0
    with torch.no_grad():
        for deviation, mean in ((1.0, 0.0), (math.sqrt(eps), 0.0), (30.0, 5.0)):
            x = torch.randn(shape(source), dtype=torch.float64, generator=generator) * deviation + mean
            difference = _value(program, source, nodes, x) - target(x, *given)
            if not bool((difference.abs() <= _TOLERANCE).all()):
                return False
    return True


def _value(program: Program, source: fx.Node, nodes: tuple[fx.Node, ...], x: torch.Tensor) -> torch.Tensor:
    values: dict[fx.Node, Any] = {source: x}

    def value(node: fx.Node) -> Any:
        if node not in values:
            values[node] = torch.tensor(uniform(program, node), dtype=torch.float64)
        return values[node]

    for node in nodes:
        values[node] = apply(node, value, torch.float64)
    return values[nodes[-1]]  # type: ignore[no-any-return]
