"""Running a bound block: a flat list of steps over a list of values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch

from mobiledeploy.errors import PackageError
from mobiledeploy.mil.program import Operation
from mobiledeploy.mil.size import check_memory

__all__ = ["WRONG", "BoundBlock", "Listener", "Step"]

# how torch, NumPy and Python say that an operator cannot take what it is given
WRONG = (RuntimeError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, MemoryError)

Shape: TypeAlias = tuple[int, ...]
Listener: TypeAlias = Callable[[Operation, tuple[Any, ...]], None]

_ROUNDED_AT_ONCE = 2**17


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """One bound operator call. `operands`, `results`: the slots it reads and writes. `shapes`: of each result, as
    declared, None where that says nothing. `rounded`: which results are rounded to fp16. `dead`: slots nobody reads
    once it has run. `nests`: it runs nested blocks, and takes the listener before its operands. `narrow`: the positions
    of operands that are constants held in float16, which are widened to float32 for it."""

    operation: Operation
    run: Callable[..., Any]
    operands: tuple[int, ...]
    results: tuple[int, ...]
    shapes: tuple[Shape | None, ...]
    rounded: tuple[int, ...]
    dead: tuple[int, ...]
    nests: bool = False
    narrow: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class BoundBlock:
    """`template`: one entry per slot, constants in their places. `inputs`, `outputs`: slots; the inputs end with the
    `captures`, the values that a nested block takes from around it, by name. `shapes`: of the inputs, as declared.
    `constants`: the names of the constants in the template, by slot."""

    template: tuple[Any, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    steps: tuple[Step, ...]
    captures: tuple[str, ...] = ()
    shapes: tuple[Shape | None, ...] = ()
    constants: Mapping[int, str] = field(default_factory=dict)

    def run(self, arguments: Sequence[Any], listener: Listener | None = None) -> tuple[Any, ...]:
        """The outputs for `arguments` (the inputs, then the captures).

        A `listener` is called after each operator with its operation and its outputs, copies that are its own to keep.
        Raises PackageError where an operator cannot take the values it is given, or where a value has not the shape
        that the program declares: what was concluded from the declarations at load then does not hold.
        """
        values = list(self.template)
        _check_inputs(arguments, self.shapes)
        for slot, argument in zip(self.inputs, arguments, strict=True):
            values[slot] = argument
        for step in self.steps:
            operands = [values[slot] for slot in step.operands]
            for position in step.narrow:
                operands[position] = operands[position].float()
            # what fails inside nested blocks is named there, and what a listener raises is its caller's to see
            nested = (step.run(listener, *operands),) if step.nests else ()
            try:
                outputs = nested[0] if nested else step.run(*operands)
                del operands
                if len(step.results) == 1:
                    outputs = (outputs,)
                _check(outputs, step.shapes)
                check_memory(sum(4 * value.numel() for value in outputs if isinstance(value, torch.Tensor)))
                for index in step.rounded:
                    round_to_half(outputs[index])
                for slot, output in zip(step.results, outputs, strict=True):
                    values[slot] = output
            except WRONG as error:
                raise _failed(step.operation, error) from error
            if listener is not None:
                listener(step.operation, tuple(map(_copy, outputs)))
            del outputs, nested
            for slot in step.dead:
                values[slot] = None
        return tuple(values[slot] for slot in self.outputs)


def round_to_half(value: torch.Tensor) -> None:
    """Rounds each element to the nearest fp16 value, ties to even, overflow to infinity, in place."""
    if value.numel() <= _ROUNDED_AT_ONCE or not value.is_contiguous() or torch.compiler.is_exporting():
        value.copy_(value.half())
        return
    # a large value in parts: the same time, without half of its memory again
    for part in torch.split(value.view(-1), _ROUNDED_AT_ONCE):
        part.copy_(part.half())


def _check(values: Sequence[Any], shapes: Sequence[Shape | None]) -> None:
    for value, shape in zip(values, shapes, strict=False):
        if shape is not None and isinstance(value, torch.Tensor) and value.shape != shape:
            raise ValueError(f"a value has the shape {tuple(value.shape)}, declared is {shape}")


def _check_inputs(arguments: Sequence[Any], shapes: Sequence[Shape | None]) -> None:
    try:
        _check(arguments, shapes)
    except ValueError as error:
        raise PackageError(
            f"Unable to compute the prediction using ML Program: {error}", remedy="The program is not valid."
        ) from None


def _copy(output: Any) -> Any:
    return output.clone() if isinstance(output, torch.Tensor) else output


def _failed(operation: Operation, error: Exception) -> PackageError:
    text = str(error).strip().split("\n")[0] or type(error).__name__
    return PackageError(
        f"Unable to compute the prediction using ML Program: {operation.type} failed: {text}",
        where=f"operator {operation.name!r:.80}",
        remedy="The program is not valid for these inputs.",
    )
