"""An affine form back to a graph, in the cheapest order: merge what pays, then convolutions, sums, one bias.

    {x: [diag, conv3, conv1], y: [1]} + b   ──▶   add(conv3'(x, bias=b), y)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import fx

from mobiledeploy.aten.cost import BYTES_PER_VALUE, node_cost, numel, total, weigh
from mobiledeploy.aten.graph import add_constant, aten, call, shape
from mobiledeploy.aten.program import Program
from mobiledeploy.records import GraphCost
from mobiledeploy.rewrite.affine import ConvMap, merge
from mobiledeploy.rewrite.forms import AffineForm, Term
from mobiledeploy.rewrite.operators import CONVOLUTIONS

__all__ = ["Emission", "emit", "plan"]


@dataclass(frozen=True)
class Emission:
    """What `emit` will build. `obstacles`: why branches of one source stayed apart."""

    form: AffineForm
    before: GraphCost
    after: GraphCost
    obstacles: tuple[str, ...]

    @property
    def pays(self) -> bool:
        """Never more multiply-accumulates for fewer operators, unless the whole is cheaper."""
        return weigh(self.after) < weigh(self.before) and self.after.operators <= self.before.operators


def plan(form: AffineForm, root: fx.Node) -> Emission:
    """Merges the terms of each source as far as it pays."""
    merged: list[Term] = []
    obstacles: list[str] = []
    for source in dict.fromkeys(term.source for term in form.terms):
        terms = [term for term in form.terms if term.source is source]
        together, reasons = _merge_all(terms, root, form.space.spatial)
        merged += together
        obstacles += reasons
    terms = tuple(sorted((t for t in merged if t.map.weight.any()), key=_order))
    merged_form = AffineForm(terms, form.bias, form.space, form.region)
    before = total(node_cost(node) for node in form.region)
    return Emission(merged_form, before, _cost(merged_form, root), tuple(obstacles))


def _order(term: Term) -> int:
    """Convolutions first: one of them carries the bias; then positive summands, then those to subtract."""
    if _takes_bias(term):
        return 0
    return 2 if _is_uniform(term.map, -1.0) else 1


def _merge_all(terms: list[Term], root: fx.Node, spatial: int) -> tuple[list[Term], list[str]]:
    """Terms of one source, each merged into the first it fits, widest kernels first."""
    source = terms[0].source
    size = shape(source)[2 : 2 + spatial] if spatial else ()
    result: list[Term] = []
    obstacles: list[str] = []
    for candidate in sorted(terms, key=lambda term: term.map.weight.numel(), reverse=True):
        reasons = []
        for position, present in enumerate(result):
            together = merge(present.map, candidate.map, size)
            if isinstance(together, str):
                reasons.append(together)
            elif not _merge_pays(present.map, candidate.map, together, root):
                reasons.append("one kernel for both branches would cost more than the two")
            else:
                result[position] = Term(source, together)
                break
        else:
            result.append(candidate)
            obstacles += reasons
    return result, obstacles


def _merge_pays(first: ConvMap, second: ConvMap, together: ConvMap, root: fx.Node) -> bool:
    apart = first.macs_per_position + second.macs_per_position
    if first.groups != second.groups and together.macs_per_position > apart:
        # Dense weights in the place of depthwise ones: the phone's depthwise convolutions are bound by memory, but so
        # are its dense ones of few channels, and the model's author chose the cheaper form.
        return False
    positions = numel(root) // together.out_channels
    # What merging saves: reading the source again, writing one result, and the sum's two reads and one write.
    saved = GraphCost(2, 0, BYTES_PER_VALUE * 5 * numel(root))
    added = GraphCost(
        0,
        positions * (together.macs_per_position - apart),
        BYTES_PER_VALUE * (together.weight.numel() - first.weight.numel() - second.weight.numel()),
    )
    return weigh(added) < weigh(saved)


def _cost(form: AffineForm, root: fx.Node) -> GraphCost:
    """Of what `emit` builds, by the same count as `node_cost`."""
    out, channels = numel(root), len(form.bias)
    operators = macs = values = 0
    for term in form.terms:
        if term.origin is not None:
            operators += 1
            values += numel(term.source) + out
        elif not term.map.is_diagonal:
            operators += 1
            macs += out // channels * term.map.weight.numel()
            values += numel(term.source) + term.map.weight.numel() + out
        elif not (_is_uniform(term.map, 1.0) or _is_uniform(term.map, -1.0)):
            operators += 1
            values += numel(term.source) + channels + out
    sums = max(0, len(form.terms) - 1)
    carried = any(_takes_bias(term) for term in form.terms)
    separate = form.bias.any() and not carried
    first_is_negative = bool(form.terms) and _is_uniform(form.terms[0].map, -1.0)
    operators += sums + int(separate) + int(first_is_negative)
    values += 3 * out * sums + (2 * out + channels) * int(separate) + 2 * out * int(first_is_negative)
    values += channels * int(carried and bool(form.bias.any()))
    return GraphCost(operators, macs, BYTES_PER_VALUE * values)


def emit(program: Program, emission: Emission, root: fx.Node) -> fx.Node:
    """Inserts the form's nodes before `root` and returns the one that equals it."""
    form, graph = emission.form, program.graph
    with graph.inserting_before(root):
        total_node: fx.Node | None = None
        bias: torch.Tensor | None = form.bias if form.bias.any() else None
        for term in form.terms:
            if term.origin is not None:
                value = term.origin
                total_node = value if total_node is None else _add(program, total_node, value, root)
            elif not term.map.is_diagonal:
                value, bias = _convolution(program, term, bias, root), None
                total_node = value if total_node is None else _add(program, total_node, value, root)
            elif total_node is not None and _is_uniform(term.map, -1.0):
                total_node = call(graph, aten.sub.Tensor, (total_node, term.source), like=root)
            else:
                value = _diagonal(program, term, form, root)
                total_node = value if total_node is None else _add(program, total_node, value, root)
        if total_node is None:
            raise ValueError("an affine form without terms is a constant")
        if bias is not None:
            total_node = _add(program, total_node, _channel_constant(program, bias, form, root, "shift"), root)
    return total_node


def _add(program: Program, left: fx.Node, right: fx.Node, root: fx.Node) -> fx.Node:
    return call(program.graph, aten.add.Tensor, (left, right), like=root)


def _convolution(program: Program, term: Term, bias: torch.Tensor | None, root: fx.Node) -> fx.Node:
    module, map = program.graph_module, term.map
    weight = add_constant(module, map.weight, like=root, hint=f"{root.name}_weight")
    offset = None if bias is None else add_constant(module, bias, like=root, hint=f"{root.name}_bias")
    if not map.spatial:
        return call(program.graph, aten.linear.default, (term.source, weight, offset), like=root)
    geometry = (list(map.stride), list(map.padding), list(map.dilation), map.groups)
    target = CONVOLUTIONS[map.spatial]
    return call(program.graph, target, (term.source, weight, offset, *geometry), like=root)


def _diagonal(program: Program, term: Term, form: AffineForm, root: fx.Node) -> fx.Node:
    if _is_uniform(term.map, 1.0):
        return term.source
    if _is_uniform(term.map, -1.0):
        return call(program.graph, aten.neg.default, (term.source,), like=root)
    scale = _channel_constant(program, term.map.weight.reshape(-1), form, root, "scale")
    return call(program.graph, aten.mul.Tensor, (term.source, scale), like=root)


def _channel_constant(program: Program, value: torch.Tensor, form: AffineForm, root: fx.Node, hint: str) -> fx.Node:
    trailing = len(shape(root)) - 1 - form.space.axis
    laid_out = value.reshape(-1, *([1] * trailing))
    return add_constant(program.graph_module, laid_out, like=root, hint=f"{root.name}_{hint}")


def _takes_bias(term: Term) -> bool:
    return term.origin is None and not term.map.is_diagonal


def _is_uniform(map: ConvMap, value: float) -> bool:
    return map.is_diagonal and bool((map.weight == value).all()) and math.prod(map.kernel) == 1
