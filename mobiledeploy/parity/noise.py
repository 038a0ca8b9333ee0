"""How much of the outputs' error each rounding to float16 causes, for all roundings of a program at once.

A value v that is rounded changes by d = half(v) - v. Seen from an output y, normalized so that an error of its peak in
every element has power one, that is an error of power |J d|^2 with J = dy/dv. One backward pass from a random vector r
of signs gives g = J^T r for every value of the program, and of these

    |J d|^2 ~ sum (g * d)^2     where the errors d of the elements are unrelated, as rounding errors are
    |J d|^2 ~ (sum g * d)^2     where they are related: the same rounded weights stand behind all of them

are unbiased estimates (Hutchinson 1990, "A stochastic estimator of the trace of the influence matrix"). Both hold to
first order: they say which roundings matter, and executing the program says whether parity holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mobiledeploy.mil.bind import bind_function
from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.module import ProgramModule
from mobiledeploy.mil.operator import Effect
from mobiledeploy.mil.program import Block, Function, NamedType
from mobiledeploy.mil.registry import REGISTRY
from mobiledeploy.parity.blend import dtype_of, is_constant

if TYPE_CHECKING:
    from mobiledeploy.mil.executor import BoundBlock
    from mobiledeploy.parity.blend import Blend, Pair

__all__ = ["UNKNOWN", "Rounding", "roundings"]

UNKNOWN = math.inf
"""The power of a rounding that overflows, or that no gradient tells of."""

_PROBES = 6
"""Random vectors. A sum over many unrelated errors needs few; of one weight tensor the estimate has a standard
deviation of sqrt(2/6), 2 dB, and what lies so near to each other may come in either order."""


@dataclass(frozen=True)
class Rounding:
    """One rounding to float16. `maker`: the operator whose value or weights are rounded, or the name of an input.
    `operators`: those that must all be kept in float32 to be without it. `power`: of the error that it causes in the
    outputs, each normalized by its peak; a PSNR of 40 dB is a power of 1e-4."""

    maker: str
    operators: frozenset[str]
    power: float


def roundings(blend: Blend, inputs: Sequence[torch.Tensor], order: Sequence[str]) -> tuple[Rounding, ...]:
    """Every rounding of the float16 program, measured on one sample: `inputs` by the names in `order`, as the program
    takes them. Values come first, in the order of the program, then weights."""
    meter = _Meter(blend, inputs, order)
    meter.measure()
    readers = _readers(blend)
    chooses = set(blend.choices)
    found = [
        Rounding(
            name if maker is None else maker.name,
            frozenset(_region(maker, name, readers) & chooses),
            meter.power.get(("value", name), UNKNOWN),
        )
        for maker, name in _rounded_values(blend)
    ]
    found += [
        Rounding(pair.name, frozenset((pair.name,)), meter.power.get(("weights", pair.name), UNKNOWN))
        for pair in meter.weighted
    ]
    return tuple(rounding for rounding in found if rounding.operators)


class _Meter:
    """`power`: by kind ("value", "weights") and name, the estimates so far."""

    def __init__(self, blend: Blend, inputs: Sequence[torch.Tensor], order: Sequence[str]) -> None:
        self.power: dict[tuple[str, str], float] = {}
        self.weighted = tuple(pair for pair in blend.pairs if pair.chooses and _has_weights(pair, blend))
        self.rounded = [name for _, name in _rounded_values(blend)]
        self.ends = blend.full.function.block.outputs
        self.blend = blend
        given = [x.detach().requires_grad_() if x.is_floating_point() else x for x in inputs]
        with torch.enable_grad():
            self.values = {**dict(zip(order, given, strict=True)), **_every_value(blend, given, order)}

    def measure(self) -> None:
        by_pair = {pair.full.outputs[0]: _with_half_weights(pair, self.blend) for pair in self.weighted}
        for name in self.rounded:
            self._watch(name, "value", lambda x: x.half().float() - x, _unrelated)
        for name, block in by_pair.items():
            self._watch(name, "weights", self._weight_error(block), _related)
        ends = [self.values[name] for name in self.ends if _is_tracked(self.values.get(name))]
        generator = torch.Generator().manual_seed(0)
        for _ in range(_PROBES if ends else 0):
            torch.autograd.backward(ends, [_probe(end, generator) for end in ends], retain_graph=True)

    def _weight_error(self, block: tuple[BoundBlock, tuple[str, ...]]) -> Callable[[torch.Tensor], torch.Tensor]:
        bound, operands = block
        return lambda x: bound.run([self.values[name].detach() for name in operands])[0] - x

    def _watch(
        self,
        name: str,
        kind: str,
        error: Callable[[torch.Tensor], torch.Tensor],
        power: Callable[[torch.Tensor, torch.Tensor], float],
    ) -> None:
        """Adds what each backward pass says of the error of the value `name`."""
        value = self.values.get(name)
        if value is None or not _is_tracked(value):
            return

        def add(gradient: torch.Tensor) -> None:
            with torch.no_grad():
                found = power(gradient, error(value.detach())) / _PROBES
            found = found if math.isfinite(found) else UNKNOWN
            self.power[kind, name] = self.power.get((kind, name), 0.0) + found

        value.register_hook(add)  # type: ignore[no-untyped-call]


def _unrelated(gradient: torch.Tensor, error: torch.Tensor) -> float:
    return float((gradient * error).double().square().sum())


def _related(gradient: torch.Tensor, error: torch.Tensor) -> float:
    return float((gradient * error).double().sum().square())


def _probe(end: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Random signs, of the size that makes the error of a whole peak a power of one."""
    peak = float(end.detach().abs().max()) if end.numel() else 0.0
    signs = torch.randint(0, 2, end.shape, generator=generator).to(end.dtype) * 2 - 1
    return signs / ((peak or 1.0) * math.sqrt(max(end.numel(), 1)))


def _is_tracked(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad


def _every_value(blend: Blend, inputs: Sequence[torch.Tensor], order: Sequence[str]) -> dict[str, torch.Tensor]:
    """What the float32 program computes. All of it is asked for, so that nothing on the way is overwritten."""
    function = blend.full.function
    names = tuple(name for o in function.block.operations if not is_constant(o) for name in o.outputs)
    shown = replace(function, block=replace(function.block, outputs=names))
    module = ProgramModule(shown, bind_function(shown, rounds=False), order, rounds=False)
    if not any(x.requires_grad for x in inputs):
        # of integers there is no gradient: it then begins at the weights, as at an embedding's table
        for buffer in module.buffers():
            buffer.requires_grad_(buffer.is_floating_point())
    return module(*inputs)  # type: ignore[no-any-return]


def _rounded_values(blend: Blend) -> list[tuple[Pair | None, str]]:
    """Which values are rounded, with the operator that makes them; None for an input of the program."""
    inputs = [named.name for named in blend.full.function.inputs if dtype_of(named.type) is DataType.FLOAT32]
    made = [
        (pair, name)
        for pair in blend.pairs
        if pair.chooses and _effect(pair) is Effect.ARITHMETIC
        for name, kind in zip(pair.full.outputs, pair.half.output_types, strict=True)
        if dtype_of(kind) is DataType.FLOAT16
    ]
    return [*((None, name) for name in inputs), *made]


def _region(maker: Pair | None, value: str, readers: Mapping[str, list[Pair]]) -> set[str]:
    """The operators through which a value goes unchanged: what makes it, what passes it on, and what computes with it.
    One of them in float16, and it is rounded."""
    found = set() if maker is None else {maker.name}
    waiting = [value]
    seen = set()
    while waiting:
        name = waiting.pop()
        for reader in readers.get(name, ()):
            if reader.name not in seen:
                seen.add(reader.name)
                waiting += reader.full.outputs if _effect(reader) is not Effect.ARITHMETIC else ()
    return found | seen


def _readers(blend: Blend) -> dict[str, list[Pair]]:
    """By the shared name of a value, who reads it."""
    readers: dict[str, list[Pair]] = {}
    for pair in blend.pairs:
        for name in _operands(pair, blend):
            readers.setdefault(name, []).append(pair)
    return readers


def _operands(pair: Pair, blend: Blend) -> list[str]:
    """The shared names of the variables that it reads."""
    read = (name for names in pair.full.inputs.values() for name in names)
    return [blend.full.names[name] for name in read if name in blend.full.names]


def _effect(pair: Pair) -> Effect:
    return REGISTRY[pair.full.type][-1].effect


def _has_weights(pair: Pair, blend: Blend) -> bool:
    """Whether float16 changes one of its constants."""
    return any(
        _differs(blend.half.constants[name].attributes.get("val"), blend.full.constants[other].attributes.get("val"))
        for parameter in pair.half.inputs
        for name, other in zip(pair.half.inputs[parameter], pair.full.inputs.get(parameter, ()), strict=False)
        if name in blend.half.constants and other in blend.full.constants
    )


def _differs(half: Any, full: Any) -> bool:
    if half is None or full is None or dtype_of(half.type) is not DataType.FLOAT16:
        return False
    return not np.array_equal(np.asarray(half.data, np.float32), np.asarray(full.data, np.float32))


def _with_half_weights(pair: Pair, blend: Blend) -> tuple[BoundBlock, tuple[str, ...]]:
    """The operator with its float16 constants and unrounded operands, whose shared names come with it."""
    names = [name for parameter in pair.half.inputs.values() for name in parameter]
    variables = tuple(dict.fromkeys(name for name in names if name in blend.half.names))
    constants = _makers([name for name in names if name in blend.half.constants], blend)
    kinds = tuple(NamedType(name, blend.half.types[name]) for name in variables)
    block = Block(kinds, pair.half.outputs[:1], (*constants, pair.half))
    bound = bind_function(Function("main", kinds, blend.half.function.opset, block), rounds=False)
    return bound, tuple(blend.half.names[name] for name in variables)


def _makers(names: Iterable[str], blend: Blend) -> list[Any]:
    """What makes these constants, and the constants that those read, in the order of the program."""
    wanted: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += [n for read in blend.half.constants[name].inputs.values() for n in read]
    operations = blend.half.function.block.operations
    return [operation for operation in operations if wanted.intersection(operation.outputs)]
