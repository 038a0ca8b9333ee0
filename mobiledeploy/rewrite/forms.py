"""A node as a sum of linear maps of a few source tensors: the normal form that branches are merged in.

    relu(bn(x) + conv3(x) + bn1(conv1(x)))      the add is   {x: [diag, conv3, s·conv1]} + bias

The region of a form is the root and every node whose users all lie in the region; a node that anything else reads
stays a source, since it must be computed anyway.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import fx

from mobiledeploy.aten.graph import arguments, aten, is_call, rank, shape
from mobiledeploy.rewrite.affine import ConvMap, diagonal
from mobiledeploy.rewrite.operators import LinearOperator, PerChannel, linear_operator, per_channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from mobiledeploy.aten.program import Program

__all__ = ["AffineForm", "FormReader", "Space", "Term", "is_sum", "spaces"]


@dataclass(frozen=True)
class Space:
    """Where channels lie and how many spatial dimensions follow: convolutions (1, rank - 2), Linear (rank - 1, 0)."""

    axis: int
    spatial: int


@dataclass(frozen=True)
class Term:
    """One summand, `map(source)`; an identity or scale is a diagonal map. `origin`: a node of the graph that computes
    exactly this and is no convolution (a pooling), to be used again where nothing merges with it."""

    source: fx.Node
    map: ConvMap
    origin: fx.Node | None = None


@dataclass(frozen=True)
class AffineForm:
    """`Σ map(source) + bias`. `region`: the nodes that the form replaces, the root among them."""

    terms: tuple[Term, ...]
    bias: torch.Tensor
    space: Space
    region: frozenset[fx.Node]


def spaces(node: fx.Node) -> tuple[Space, ...]:
    """The spaces a node's value may be read in; a matrix (N, C) has one."""
    if node.op != "call_function" or not isinstance(node.meta.get("val"), torch.Tensor):
        return ()
    last = Space(rank(node) - 1, 0)
    if rank(node) < 2:
        return ()
    return (Space(1, rank(node) - 2), last) if rank(node) >= 3 else (last,)


def is_sum(node: fx.Node) -> bool:
    """add, sub or rsub of two floating tensors of one shape."""
    if not is_call(node, aten.add.Tensor, aten.sub.Tensor, aten.rsub.Tensor):
        return False
    left, right, alpha = arguments(node)
    if not (isinstance(left, fx.Node) and isinstance(right, fx.Node) and isinstance(alpha, int | float)):
        return False
    values = [each.meta["val"] for each in (left, right, node)]
    return len({tuple(v.shape) for v in values}) == 1 and all(v.is_floating_point() for v in values)


class FormReader:
    """Reads forms in one space of a program that does not change meanwhile; each node is looked at once."""

    def __init__(self, program: Program, space: Space) -> None:
        self.program = program
        self.space = space
        self._readings: dict[fx.Node, PerChannel | LinearOperator | None] = {}

    def form(self, root: fx.Node) -> AffineForm | None:
        """The form of `root`, or None if `root` itself is not affine in this space."""
        if self._operands(root) is None:
            return None
        region = self._region(root)
        forms: dict[fx.Node, AffineForm] = {}
        for node in sorted(region):
            forms[node] = self._form(node, forms)
        return replace(forms[root], region=frozenset(region))

    def _reading(self, node: fx.Node) -> PerChannel | LinearOperator | None:
        if node not in self._readings:
            reading = per_channel(self.program, node, self.space.axis)
            self._readings[node] = self._linear(node) if reading is None else reading
        return self._readings[node]

    def _linear(self, node: fx.Node) -> LinearOperator | None:
        mapped = linear_operator(self.program, node)
        if mapped is None or (mapped.axis, len(mapped.map.geometry.kernel)) != (self.space.axis, self.space.spatial):
            return None
        return mapped

    def _operands(self, node: fx.Node) -> tuple[fx.Node, ...] | None:
        """The nodes that a form reads through at `node`: none behind a convolution, which is where a form ends."""
        reading = self._reading(node)
        if isinstance(reading, PerChannel):
            return (reading.source,)
        if reading is None:
            return (node.args[0], node.args[1]) if is_sum(node) else None  # type: ignore[return-value]
        return ()

    def _region(self, root: fx.Node) -> set[fx.Node]:
        region, frontier = {root}, list(self._operands(root) or ())
        while frontier:
            node = frontier.pop()
            if node not in region and self._operands(node) is not None and self._is_read_through(node, region):
                region.add(node)
                # A user that joins late may be what its operands, met before, were waiting for.
                frontier += self._operands(node) or ()
        return region

    def _is_read_through(self, node: fx.Node, region: set[fx.Node]) -> bool:
        """Whether every user lies in the region, and none needs the value itself, as a convolution does."""
        return all(user in region and node in (self._operands(user) or ()) for user in node.users)

    def _form(self, node: fx.Node, forms: dict[fx.Node, AffineForm]) -> AffineForm:
        def of(operand: fx.Node) -> AffineForm:
            return forms[operand] if operand in forms else _leaf(operand, self.space)

        reading = self._reading(node)
        if isinstance(reading, PerChannel):
            return _scaled(of(reading.source), reading)
        if reading is None:
            return _sum(node, of)
        origin = node if is_call(node, aten.avg_pool2d) else None
        return AffineForm((Term(reading.source, reading.map, origin),), reading.bias, self.space, frozenset())


def _leaf(node: fx.Node, space: Space) -> AffineForm:
    ones = torch.ones(shape(node)[space.axis], dtype=torch.float64)
    return AffineForm((Term(node, diagonal(ones, space.spatial)),), 0 * ones, space, frozenset())


def _scaled(form: AffineForm, by: PerChannel) -> AffineForm:
    terms = tuple(Term(term.source, term.map.scale_outputs(by.scale)) for term in form.terms)
    return replace(form, terms=terms, bias=form.bias * by.scale + by.shift)


def _sum(node: fx.Node, of: Callable[[fx.Node], AffineForm]) -> AffineForm:
    first, second, alpha = arguments(node)
    left, right = (of(second), of(first)) if is_call(node, aten.rsub) else (of(first), of(second))
    factor = float(alpha) if is_call(node, aten.add) else -float(alpha)
    factors = torch.full_like(right.bias, factor)
    scaled = tuple(Term(term.source, term.map.scale_outputs(factors)) for term in right.terms)
    terms = right.terms if factor == 1 else scaled
    return replace(left, terms=left.terms + terms, bias=left.bias + factor * right.bias)
