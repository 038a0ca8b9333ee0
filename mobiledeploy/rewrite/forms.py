"""A node as a sum of linear maps of a few source tensors: the normal form that branches are merged in.

    relu(bn(x) + conv3(x) + bn1(conv1(x)))      the add is   {x: [diag, conv3, s·conv1]} + bias

The region of a form is the root and every node whose users all lie in the region; a node that anything else reads
stays a source, since it must be computed anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import fx

from mobiledeploy.aten.graph import aten, is_call, rank, shape
from mobiledeploy.aten.program import Program
from mobiledeploy.rewrite.affine import ConvMap, diagonal
from mobiledeploy.rewrite.operators import LinearOperator, PerChannel, linear_operator, per_channel

__all__ = ["AffineForm", "Space", "Term", "affine_form", "is_affine", "is_sum", "spaces"]


@dataclass(frozen=True)
class Space:
    """Where channels lie and how many spatial dimensions follow: convolutions have (1, rank - 2), Linear (rank - 1, 0)."""

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
    last = Space(rank(node) - 1, 0)
    return (Space(1, rank(node) - 2), last) if rank(node) >= 3 else (last,) if rank(node) == 2 else ()


def is_affine(program: Program, node: fx.Node, space: Space) -> bool:
    """Whether a form can be read through `node`."""
    return _operands(program, node, space) is not None


def affine_form(program: Program, root: fx.Node, space: Space) -> AffineForm | None:
    """The form of `root`, or None if `root` itself is not affine in `space`."""
    if not is_affine(program, root, space):
        return None
    region = _region(program, root, space)
    forms: dict[fx.Node, AffineForm] = {}
    for node in sorted(region):
        forms[node] = _form(program, node, space, forms)
    return replace(forms[root], region=frozenset(region))


def _region(program: Program, root: fx.Node, space: Space) -> set[fx.Node]:
    region, grown = {root}, True
    while grown:
        near = {o for node in region for o in _operands(program, node, space) or ()} - region
        inside = {o for o in near if is_affine(program, o, space) and _is_read_through(program, o, region, space)}
        region |= inside
        grown = bool(inside)
    return region


def _is_read_through(program: Program, node: fx.Node, region: set[fx.Node], space: Space) -> bool:
    """Whether every user lies in the region, and none needs the value itself, as a convolution does."""
    return all(user in region and node in (_operands(program, user, space) or ()) for user in node.users)


def _operands(program: Program, node: fx.Node, space: Space) -> tuple[fx.Node, ...] | None:
    """The nodes that a form reads through at `node`: none behind a convolution, which is where a form ends."""
    scaled = per_channel(program, node, space.axis)
    if scaled is not None:
        return (scaled.source,)
    if is_sum(node):
        return (node.args[0], node.args[1])  # type: ignore[return-value]
    mapped = _linear_in(program, node, space)
    return None if mapped is None else ()


def is_sum(node: fx.Node) -> bool:
    """add or sub of two tensors of one shape."""
    if not is_call(node, aten.add.Tensor, aten.sub.Tensor) or len(node.args) < 2:
        return False
    left, right = node.args[:2]
    both = isinstance(left, fx.Node) and isinstance(right, fx.Node)
    alpha = node.kwargs.get("alpha", node.args[2] if len(node.args) > 2 else 1)
    return both and isinstance(alpha, int | float) and shape(left) == shape(right) == shape(node)  # type: ignore[arg-type]


def _linear_in(program: Program, node: fx.Node, space: Space) -> LinearOperator | None:
    mapped = linear_operator(program, node)
    return mapped if mapped is not None and (mapped.axis, mapped.map.spatial) == (space.axis, space.spatial) else None


def _form(program: Program, node: fx.Node, space: Space, forms: dict[fx.Node, AffineForm]) -> AffineForm:
    def of(operand: fx.Node) -> AffineForm:
        return forms[operand] if operand in forms else _leaf(operand, space)

    scaled = per_channel(program, node, space.axis)
    if scaled is not None:
        return _scaled(of(scaled.source), scaled)
    if is_sum(node):
        return _sum(node, of)
    mapped = _linear_in(program, node, space)
    assert mapped is not None
    origin = node if is_call(node, aten.avg_pool2d) else None
    return AffineForm((Term(mapped.source, mapped.map, origin),), mapped.bias, space, frozenset())


def _leaf(node: fx.Node, space: Space) -> AffineForm:
    ones = torch.ones(shape(node)[space.axis], dtype=torch.float64)
    return AffineForm((Term(node, diagonal(ones, space.spatial)),), 0 * ones, space, frozenset())


def _scaled(form: AffineForm, by: PerChannel) -> AffineForm:
    terms = tuple(Term(term.source, term.map.scale_outputs(by.scale)) for term in form.terms)
    return replace(form, terms=terms, bias=form.bias * by.scale + by.shift)


def _sum(node: fx.Node, of: Callable[[fx.Node], AffineForm]) -> AffineForm:
    left, right = of(node.args[0]), of(node.args[1])  # type: ignore[arg-type]
    alpha = node.kwargs.get("alpha", node.args[2] if len(node.args) > 2 else 1)
    factor = float(alpha) * (-1 if is_call(node, aten.sub.Tensor) else 1)  # type: ignore[arg-type]
    factors = torch.full_like(right.bias, factor)
    terms = tuple(Term(term.source, term.map.scale_outputs(factors)) for term in right.terms)
    return replace(left, terms=left.terms + (right.terms if factor == 1 else terms), bias=left.bias + factor * right.bias)
