"""The operator at which a package leaves the original, found by comparing every value on the way.

    x ──conv 71 dB──▶ ──mul 12 dB──▶ ──add 12 dB──▶ ──linear 9 dB──▶ logits: fails
                        ↑ the culprit: good values in, a bad value out, and bad all the way to the end

A value that is bad but heals (a saturated sigmoid behind an overflow, a difference of near-equal numbers that is added
to something large) leads to no failed output and is not named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from mobiledeploy.aten.graph import source_line
from mobiledeploy.mil.loading import load
from mobiledeploy.mil.program import TensorType
from mobiledeploy.parity.alignment import aligned_values
from mobiledeploy.parity.feeds import program_feed
from mobiledeploy.parity.metrics import distance
from mobiledeploy.records import Divergence

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program
    from mobiledeploy.mil.model import Model
    from mobiledeploy.mil.program import Operation
    from mobiledeploy.parity.samples import Sample

__all__ = ["SideBySide", "first_divergence", "first_rounding_divergence", "side_by_side"]


@dataclass(frozen=True, eq=False)
class SideBySide:
    """A package in its declared precision and what it ought to compute. `closeness`: the PSNR in dB of each value that
    has a counterpart. `nodes`: what a value was translated from, where that is known."""

    model: Model
    closeness: Mapping[str, float]
    nodes: Mapping[str, fx.Node]

    def around(self, operation: Operation) -> tuple[float, float]:
        """The PSNR in dB of what the operation reads, at worst, and of what it gives; of a value without a counterpart
        that of what it was computed from."""
        before = (self._origins.get(name, math.inf) for name in _operands(operation))
        after = (self._origins[name] for name in operation.outputs)
        return min(before, default=math.inf), min(after, default=math.inf)

    @cached_property
    def _origins(self) -> dict[str, float]:
        return _origins(self.model.function.block.operations, self.closeness)


def side_by_side(
    package: Path, sample: Sample, program: Program | None = None, function: str | None = None
) -> SideBySide:
    """The `.mlpackage` next to the ATen `program` it was converted from, in float32; without one next to itself in
    float32, which is blind to what a converter got wrong.

    Raises PackageError or UnsupportedError if the package cannot be executed.
    """
    model = load(package, function)
    nodes: dict[str, fx.Node] = {}
    if program is None:
        expected = _exact_values(load(package, function, precision="float32"), sample, set(_value_names(model)))
    else:
        feeds = (program_feed(spec, sample.arrays[spec.name]) for spec in program.inputs)
        tensors = tuple(torch.from_numpy(feed.copy()) for feed in feeds)
        expected, nodes = aligned_values(program, tensors, _value_names(model))
        _follow_casts(model, expected, nodes)
    return SideBySide(model, _closeness(model, sample, expected), nodes)


def first_divergence(
    package: Path, program: Program, sample: Sample, *, bar_db: float, function: str | None = None
) -> Divergence | None:
    """Where the `.mlpackage`, in its declared precision, leaves the ATen `program` it was converted from, run in
    float32; None if all of its outputs reach `bar_db` on this sample.

    Raises PackageError or UnsupportedError if the package cannot be executed.
    """
    sides = side_by_side(package, sample, program, function)
    return _first(sides.model, sides.closeness, bar_db, sides.nodes)


def first_rounding_divergence(
    package: Path, sample: Sample, *, bar_db: float, function: str | None = None
) -> Divergence | None:
    """Where the `.mlpackage` in its declared precision leaves itself in float32: the operator that rounding or overflow
    breaks. Needs nothing but the package; blind to what a converter got wrong, which both runs share."""
    sides = side_by_side(package, sample, None, function)
    return _first(sides.model, sides.closeness, bar_db, {})


def _exact_values(exact: Model, sample: Sample, names: set[str]) -> dict[str, torch.Tensor]:
    expected: dict[str, torch.Tensor] = {}

    def keep(operation: Operation, outputs: tuple[Any, ...]) -> None:
        named = zip(operation.outputs, outputs, strict=True)
        expected.update({name: value for name, value in named if name in names and isinstance(value, torch.Tensor)})

    exact.predict(sample.arrays, listener=keep)
    return expected


def _value_names(model: Model) -> list[str]:
    return [name for operation in model.function.block.operations for name in operation.outputs]


def _follow_casts(model: Model, expected: dict[str, torch.Tensor], nodes: dict[str, fx.Node]) -> None:
    """A cast between floating types has no node of its own: it ought to give what it takes."""
    for operation in model.function.block.operations:
        if operation.type != "cast":
            continue
        (output,), (kind,), (source,) = operation.outputs, operation.output_types, operation.inputs["x"]
        if source in expected and output not in expected and isinstance(kind, TensorType) and kind.dtype.is_float:
            expected[output], nodes[output] = expected[source], nodes[source]


def _closeness(model: Model, sample: Sample, expected: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """The PSNR in dB of each value of the run that has a counterpart of the same shape."""
    closeness: dict[str, float] = {}

    def compare(operation: Operation, outputs: tuple[Any, ...]) -> None:
        for name, value in zip(operation.outputs, outputs, strict=True):
            other = expected.get(name)
            if other is not None and isinstance(value, torch.Tensor) and other.shape == value.shape:
                closeness[name] = distance(other.numpy(), value.numpy()).psnr_db

    model.predict(sample.arrays, listener=compare)
    return closeness


def _first(
    model: Model, closeness: Mapping[str, float], bar_db: float, nodes: Mapping[str, fx.Node]
) -> Divergence | None:
    """The first operator in program order with good values in and a bad one out that stays bad up to an output."""
    operations = model.function.block.operations
    origin = _origins(operations, closeness)
    guilty = _bad_paths(model, lambda name: origin.get(name, math.inf) < bar_db)
    for operation in operations:
        before = min((origin.get(name, math.inf) for name in _operands(operation)), default=math.inf)
        for name in operation.outputs:
            # in program order the first is enough: a bad value it reads would itself lead to the output, and come first
            if name in guilty and closeness.get(name, math.inf) < bar_db:
                line = source_line(nodes[name]) if name in nodes else None
                return Divergence(operation.type, name, closeness[name], before, line)
    return None


def _origins(operations: tuple[Operation, ...], closeness: Mapping[str, float]) -> dict[str, float]:
    """The PSNR of every value: its own where it is known, else the worst of what it was computed from."""
    origin: dict[str, float] = {}
    for operation in operations:
        inherited = min((origin.get(name, math.inf) for name in _operands(operation)), default=math.inf)
        origin |= {name: closeness.get(name, inherited) for name in operation.outputs}
    return origin


def _bad_paths(model: Model, is_bad: Callable[[str], bool]) -> set[str]:
    """The values from which bad values lead without a gap to a bad output."""
    makers = {name: operation for operation in model.function.block.operations for name in operation.outputs}
    waiting = [name for name in model.function.block.outputs if is_bad(name)]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found and name in makers:
            found.add(name)
            waiting += [operand for operand in _operands(makers[name]) if is_bad(operand)]
    return found


def _operands(operation: Operation) -> list[str]:
    return [name for names in operation.inputs.values() for name in names]
