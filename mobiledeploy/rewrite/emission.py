"""An affine form back to a graph, in the cheapest order: merge what pays, then convolutions, sums, one bias.

{x: [diag, conv3, conv1], y: [1]} + b   ──▶   add(conv3'(x, bias=b), y)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mobiledeploy.aten.cost import BYTES_PER_VALUE, node_cost, numel, total, weigh
from mobiledeploy.aten.graph import add_constant, aten, call, shape
from mobiledeploy.records import GraphCost
from mobiledeploy.rewrite.affine import ConvMap, merge
from mobiledeploy.rewrite.forms import AffineForm, Term
from mobiledeploy.rewrite.operators import CONVOLUTIONS

if TYPE_CHECKING:
    import torch
    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["Emission", "convolution", "emit", "plan"]


@dataclass(frozen=True)
class Emission:
    """What `emit` will build. `obstacles`: why branches of one source stayed apart."""

    form: AffineForm
    before: GraphCost
    after: GraphCost
    obstacles: tuple[str, ...]

    @property
    def gain(self) -> float:
        """What is saved, in multiply-accumulates; 0 if it does not pay: never more operators, fewer of them or fewer
        multiply-accumulates, and a constant function is left alone."""
        work = [(cost.operators, cost.macs) for cost in (self.before, self.after)]
        if not self.form.terms or self.after.operators > self.before.operators or work[0] == work[1]:
            return 0.0
        return max(0.0, weigh(self.before) - weigh(self.after))


def plan(form: AffineForm, root: fx.Node) -> Emission:
    """Merges the terms of each source as far as it pays."""
    merged: list[Term] = []
    obstacles: list[str] = []
    for source in dict.fromkeys(term.source for term in form.terms):
        terms = [term for term in form.terms if term.source is source and not term.map.is_zero()]
        together, reasons = _merge_all(terms, root, form.space.spatial)
        merged += together
        obstacles += reasons
    merged_form = replace(form, terms=tuple(sorted(merged, key=_order)))
    before = total(node_cost(node) for node in form.region)
    return Emission(merged_form, before, _cost(merged_form, root), tuple(obstacles))


def _order(term: Term) -> int:
    """Convolutions first: one of them carries the bias; then positive summands, then those to subtract."""
    if _takes_bias(term):
        return 0
    return 2 if term.map.is_uniform(-1.0) else 1


def _merge_all(terms: list[Term], root: fx.Node, spatial: int) -> tuple[list[Term], list[str]]:
    """Terms of one source, each merged into the first it fits, widest kernels first."""
    result: list[Term] = []
    obstacles: list[str] = []
    for candidate in sorted(terms, key=lambda term: term.map.geometry.macs_per_position, reverse=True):
        size = shape(candidate.source)[2 : 2 + spatial]
        reasons = []
        for position, present in enumerate(result):
            together = merge(present.map, candidate.map, size)
            if isinstance(together, str):
                reasons.append(together)
            elif not _merge_pays(present.map, candidate.map, together, root):
                reasons.append("one kernel for both branches would cost more than the two")
            else:
                result[position] = Term(candidate.source, together)
                break
        else:
            result.append(candidate)
            obstacles += reasons
    return result, obstacles


def _merge_pays(first: ConvMap, second: ConvMap, together: ConvMap, root: fx.Node) -> bool:
    one, two, both = first.geometry, second.geometry, together.geometry
    apart = one.macs_per_position + two.macs_per_position
    if one.groups != two.groups and both.macs_per_position > apart:
        # Dense weights in the place of depthwise ones: the phone's depthwise convolutions are bound by memory, but so
        # are its dense ones of few channels, and the model's author chose the cheaper form.
        return False
    positions = numel(root) // both.out_channels
    # What merging saves: reading the source again, writing one result, and the sum's two reads and one write.
    saved = GraphCost(2, 0, BYTES_PER_VALUE * 5 * numel(root))
    grown = both.macs_per_position - apart
    return weigh(GraphCost(0, positions * grown, BYTES_PER_VALUE * grown)) < weigh(saved)


def _cost(form: AffineForm, root: fx.Node) -> GraphCost:
    """Of what `emit` builds, by the same count as `node_cost`."""
    out, channels = numel(root), len(form.bias)
    operators = macs = values = 0
    for term in form.terms:
        if _takes_bias(term):
            weights = term.map.geometry.macs_per_position
            operators, macs = operators + 1, macs + out // channels * weights
            values += numel(term.source) + weights + out
        elif term.origin is not None:
            operators, values = operators + 1, values + numel(term.source) + out
        elif not (term.map.is_uniform(1.0) or term.map.is_uniform(-1.0)):
            operators, values = operators + 1, values + numel(term.source) + channels + out
    sums = max(0, len(form.terms) - 1)
    carried = any(_takes_bias(term) for term in form.terms)
    separate = bool(form.bias.any()) and not carried
    negated = bool(form.terms) and form.terms[0].map.is_uniform(-1.0)
    operators += sums + int(separate) + int(negated)
    values += 3 * out * sums + (2 * out + channels) * int(separate) + 2 * out * int(negated)
    values += channels * int(carried and bool(form.bias.any()))
    return GraphCost(operators, macs, BYTES_PER_VALUE * values)


def emit(program: Program, emission: Emission, root: fx.Node) -> fx.Node:
    """Inserts the form's nodes before `root` and returns the one that equals it."""
    form = emission.form
    result: fx.Node | None = None
    bias = form.bias if form.bias.any() else None
    with program.graph.inserting_before(root):
        for term in form.terms:
            if _takes_bias(term):
                summand, bias = convolution(program, term.source, term.map, bias, root), None
            elif result is not None and term.map.is_uniform(-1.0):
                result = call(program.graph, aten.sub.Tensor, (result, term.source), like=root)
                continue
            else:
                summand = _pointwise(program, term, form, root)
            result = summand if result is None else _add(program, result, summand, root)
        assert result is not None, "a form without terms never pays"
        if bias is not None:
            shift = _channel_constant(program, bias, form, root, "shift")
            result = _add(program, result, shift, root)
    return result


def _add(program: Program, left: fx.Node, right: fx.Node, root: fx.Node) -> fx.Node:
    return call(program.graph, aten.add.Tensor, (left, right), like=root)


def convolution(program: Program, source: fx.Node, map: ConvMap, bias: torch.Tensor | None, like: fx.Node) -> fx.Node:
    """Inserts `map(source) + bias` at the insert point; a Linear layer where there is no spatial dimension."""
    module, geometry = program.graph_module, map.geometry
    weight = add_constant(module, map.weight(), like=like, hint=f"{like.name}_weight")
    offset = None if bias is None else add_constant(module, bias, like=like, hint=f"{like.name}_bias")
    spatial = len(geometry.kernel)
    if not spatial:
        return call(program.graph, aten.linear.default, (source, weight, offset), like=like)
    sizes = (list(geometry.stride), list(geometry.padding), list(geometry.dilation), geometry.groups)
    return call(program.graph, CONVOLUTIONS[spatial], (source, weight, offset, *sizes), like=like)


def _pointwise(program: Program, term: Term, form: AffineForm, root: fx.Node) -> fx.Node:
    if term.origin is not None:
        return term.origin
    if term.map.is_uniform(1.0):
        return term.source
    if term.map.is_uniform(-1.0):
        return call(program.graph, aten.neg.default, (term.source,), like=root)
    scale = _channel_constant(program, term.map.weight().reshape(-1), form, root, "scale")
    return call(program.graph, aten.mul.Tensor, (term.source, scale), like=root)


def _channel_constant(program: Program, value: torch.Tensor, form: AffineForm, root: fx.Node, hint: str) -> fx.Node:
    trailing = len(shape(root)) - 1 - form.space.axis
    laid_out = value.reshape(-1, *([1] * trailing))
    return add_constant(program.graph_module, laid_out, like=root, hint=f"{root.name}_{hint}")


def _takes_bias(term: Term) -> bool:
    return term.origin is None and not term.map.is_diagonal
