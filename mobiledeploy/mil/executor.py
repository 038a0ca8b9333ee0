"""Running a bound block: a flat list of steps over a list of values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from mobiledeploy.errors import PackageError
from mobiledeploy.mil.program import Operation

__all__ = ["BoundBlock", "Listener", "Step"]

Listener: TypeAlias = Callable[[Operation, tuple[Any, ...]], None]


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """One bound operator call. `operands`, `results`: the slots it reads and writes. `rounded`: which of its results
    are rounded to fp16. `dead`: slots nobody reads once it has run. `nests`: it runs nested blocks, and takes the
    listener before its operands."""

    operation: Operation
    run: Callable[..., Any]
    operands: tuple[int, ...]
    results: tuple[int, ...]
    rounded: tuple[int, ...]
    dead: tuple[int, ...]
    nests: bool = False


@dataclass(frozen=True, eq=False)
class BoundBlock:
    """`template`: one entry per slot, constants in their places. `inputs`, `outputs`: slots; the inputs end with the
    `captures`, the values that a nested block takes from around it, by name."""

    template: tuple[Any, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    steps: tuple[Step, ...]
    captures: tuple[str, ...] = ()

    def run(self, arguments: Sequence[Any], listener: Listener | None = None) -> tuple[Any, ...]:
        """The outputs for `arguments` (the inputs, then the captures).

        A `listener` is called after each operator with its operation and its outputs, copies that are its own to keep.
        Raises PackageError where an operator cannot take the values it is given.
        """
        values = list(self.template)
        for slot, argument in zip(self.inputs, arguments, strict=True):
            values[slot] = argument
        step = None
        try:
            for step in self.steps:
                operands = [values[slot] for slot in step.operands]
                outputs = step.run(listener, *operands) if step.nests else step.run(*operands)
                del operands
                if len(step.results) == 1:
                    outputs = (outputs,)
                for index in step.rounded:
                    round_to_half(outputs[index])
                for slot, output in zip(step.results, outputs, strict=True):
                    values[slot] = output
                if listener is not None:
                    listener(step.operation, tuple(map(_copy, outputs)))
                del outputs
                for slot in step.dead:
                    values[slot] = None
        except (RuntimeError, ValueError, IndexError, TypeError, ArithmeticError, MemoryError) as error:
            if step is None:
                raise
            raise _failed(step.operation, error) from error
        return tuple(values[slot] for slot in self.outputs)


def round_to_half(value: torch.Tensor) -> None:
    """Rounds each element to the nearest fp16 value, ties to even, overflow to infinity, in place."""
    value.copy_(value.half())


def _copy(output: Any) -> Any:
    return output.clone() if isinstance(output, torch.Tensor) else output


def _failed(operation: Operation, error: Exception) -> PackageError:
    text = str(error).strip().split("\n")[0]
    return PackageError(
        f"Unable to compute the prediction using ML Program: {operation.type} failed: {text or type(error).__name__}",
        where=f"operator {operation.name!r:.80}",
        remedy="The program is not valid for these inputs.",
    )
