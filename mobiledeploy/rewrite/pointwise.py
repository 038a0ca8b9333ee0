"""Parts of a graph that compute one function of each element of one tensor.

    x ── add(·, 3) ── clamp(0, 6) ──┐
    └───────────────────────────── mul ── div(·, 6)       is the function x · relu6(x + 3) / 6 of x

Read as a function and not as a pattern, a part is the same however it was written: with its operands exchanged, its
constants folded in another order, by `where`, `max` or `clamp`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from mobiledeploy.aten.evaluate import apply
from mobiledeploy.aten.graph import aten, is_call, shape

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

__all__ = ["FEW", "POINTWISE", "Function", "Region", "equal_functions", "function_of", "regions", "uniform"]

Function = Callable[[torch.Tensor], torch.Tensor]
"""A float64 tensor of any shape to one of that shape, element by element."""

FEW = torch.tensor([-7.3, -2.9, -1.1, -0.4, 0.3, 0.9, 1.7, 3.1, 6.7], dtype=torch.float64)
"""Points enough to tell nearly all functions apart at once."""

# The longest activation that people write out, gelu's tanh form by powers, takes nine operators.
_MOST_NODES = 16
# One part in 1e11: a constant written with eleven digits is the same number, one with eight (0.79788456) is not.
_TOLERANCE = 1e-11
# Below, a constant could hide under the tolerance.
_LEAST_CONSTANT = 1e-8
# Beyond, one could stand outside of the points that are compared.
_LARGEST_CONSTANT = 1e11

POINTWISE = {
    *(aten.add, aten.sub, aten.rsub, aten.mul, aten.div, aten.neg, aten.reciprocal),
    *(aten.pow, aten.square, aten.sqrt, aten.rsqrt, aten.exp, aten.expm1, aten.exp2, aten.log, aten.log1p, aten.log2),
    *(aten.abs, aten.sign, aten.sgn, aten.maximum, aten.minimum, aten.clamp, aten.clamp_min, aten.clamp_max),
    *(aten.relu, aten.relu6, aten.hardtanh, aten.leaky_relu, aten.elu, aten.celu, aten.selu, aten.threshold),
    *(aten.sigmoid, aten.log_sigmoid, aten.hardsigmoid, aten.tanh, aten.softplus, aten.erf, aten.erfc, aten.logaddexp),
    *(aten.silu, aten.mish, aten.hardswish, aten.gelu, aten.hardshrink, aten.softshrink, aten.addcmul, aten.lerp),
    *(aten.where, aten.gt, aten.ge, aten.lt, aten.le, aten.eq, aten.ne, aten.logical_not, aten.logical_and),
    *(aten.to, aten._to_copy, aten.heaviside, aten.sinh, aten.cosh, aten.atan, aten.true_divide, aten.multiply),
}


@dataclass(frozen=True)
class Region:
    """`root` is a function of `source` alone. `nodes`: the calls that compute it, in graph order, `root` last."""

    source: fx.Node
    root: fx.Node
    nodes: tuple[fx.Node, ...]


def regions(program: Program, root: fx.Node) -> Iterator[Region]:
    """Every region that ends in `root`, the smallest first; none where `root` is not pointwise."""
    inside: list[fx.Node] = []
    frontier = {root}
    while frontier and len(inside) < _MOST_NODES:
        node = max(frontier)  # nodes compare by their place in the graph
        if not is_call(node, *POINTWISE) or shape(node) != shape(root) or _guards(program, node):
            return
        frontier.remove(node)
        inside.append(node)
        frontier |= {source for source in node.all_input_nodes if uniform(program, source) is None}
        if len(frontier) == 1:
            (source,) = frontier
            if shape(source) == shape(root) and source.meta["val"].is_floating_point():
                yield Region(source, root, tuple(reversed(inside)))


def _guards(program: Program, node: fx.Node) -> bool:
    """Whether a constant is there to keep something from zero or from infinity, as in clamp(x, min=1e-12): no
    comparison of values would miss it, and a division might."""
    given = (uniform(program, one) if isinstance(one, fx.Node) else one for one in node.args)
    sizes = [abs(one) for one in given if isinstance(one, int | float)]
    return any(0 < size < _LEAST_CONSTANT or _LARGEST_CONSTANT < size < math.inf for size in sizes)


def uniform(program: Program, node: fx.Node) -> float | None:
    """The one value of a constant tensor that has the same everywhere, or None."""
    if is_call(node, aten.full) and isinstance(node.args[1], bool | int | float):
        return float(node.args[1])
    if node.op != "get_attr":
        return None
    values = program.constant(node).flatten()
    if values.numel() == 0 or values.is_complex() or not bool((values == values[0]).all()):
        return None
    return float(values[0])


def function_of(program: Program, region: Region) -> Function:
    """The region in float64."""

    def run(x: torch.Tensor) -> torch.Tensor:
        values: dict[fx.Node, Any] = {region.source: x}

        def value(node: fx.Node) -> Any:
            if node not in values:
                values[node] = torch.tensor(uniform(program, node), dtype=torch.float64)
            return values[node]

        with torch.no_grad():
            for node in region.nodes:
                values[node] = apply(node, value, torch.float64)
        return values[region.root].to(torch.float64)  # type: ignore[no-any-return]

    return run


def equal_functions(first: Function, second: Function) -> bool:
    """Whether two functions made of elementary pieces are one function: equal in float64 at 8,000 points close
    together in -32..32 and 400 from 1e-8 to 1e12 in either direction, to `_TOLERANCE` of 1 + |value|.

    Where `first` overflows (log(1 + exp(x)) at 1000) and the other does not, the point says nothing; within -32..32
    nothing may overflow.
    """
    for points in (FEW, _many()):
        a, b = first(points), second(points)
        overflows = ~torch.isfinite(a) & torch.isfinite(b) & (points.abs() > 32)
        apart = (a - b).abs() > _TOLERANCE * (1 + b.abs())
        if bool((~(overflows | (a == b)) & (apart | ~torch.isfinite(a - b))).any()):
            return False
    return True


@functools.cache
def _many() -> torch.Tensor:
    near = torch.linspace(-32, 32, 8193, dtype=torch.float64)
    far = torch.logspace(-8, 12, 401, dtype=torch.float64)
    return torch.cat([near, far, -far])
