"""Lists of tensors. A list is a value like any other: writing to it gives a new one. A place never written is zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel
from mobiledeploy.mil.program import ListType, TensorType
from mobiledeploy.mil.size import check_places, checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY", "TensorList"]

FAMILY = Family("lists")


@dataclass(frozen=True, eq=False)
class TensorList:
    """`shape`, `dtype`: of every element, the shape None as long as nothing has been written and none was declared."""

    elements: tuple[torch.Tensor | None, ...]
    shape: tuple[int, ...] | None
    dtype: torch.dtype

    def read(self, index: int) -> torch.Tensor:
        if not 0 <= index < len(self.elements):
            raise IndexError(f"index {index} of a list of {len(self.elements)}")
        element = self.elements[index]
        if element is not None:
            return element
        if self.shape is None:
            raise IndexError("the list has not been written to, and its elements have no declared shape")
        return torch.zeros(self.shape, dtype=self.dtype)

    def write(self, index: int, value: torch.Tensor) -> TensorList:
        """The list with `value` at `index`, longer where that lies behind its end."""
        if index < 0:
            raise IndexError(f"index {index} of a list")
        check_places(index + 1)
        elements = list(self.elements) + [None] * (index + 1 - len(self.elements))
        elements[index] = value
        return TensorList(tuple(elements), tuple(value.shape), self.dtype)


@FAMILY.operator("make_list", effect=Effect.MOVEMENT)
def make_list(call: Call) -> Kernel:
    kinds = call.operation.output_types
    element = kinds[0].element if kinds and isinstance(kinds[0], ListType) else None
    if not isinstance(element, TensorType):
        raise call.invalid("it must make a list of tensors")
    shape = tuple(size for size in element.shape or () if size is not None)
    known = shape if element.shape is not None and len(shape) == len(element.shape) else None
    carrier = element.dtype.carrier

    def run(length: int) -> TensorList:
        return TensorList((None,) * check_places(length), known, carrier)

    if call.has("init_length") and not call.is_constant("init_length"):
        return Kernel(("init_length",), lambda length: run(int(length)))
    length = call.integer("init_length", 1)
    return Kernel((), lambda: run(length))


@FAMILY.operator("list_length", effect=Effect.SELECTION)
def list_length(_: Call) -> Kernel:
    return Kernel(("ls",), lambda ls: torch.tensor(len(ls.elements), dtype=torch.int32))


@FAMILY.operator("list_read", effect=Effect.MOVEMENT)
def list_read(call: Call) -> Kernel:
    places = _places(call, "index")
    return Kernel(("ls", *places.operands), lambda ls, *given: ls.read(*places(given)))


@FAMILY.operator("list_write", effect=Effect.MOVEMENT)
def list_write(call: Call) -> Kernel:
    places = _places(call, "index")
    return Kernel(("ls", "value", *places.operands), lambda ls, value, *given: ls.write(*places(given), value))


@FAMILY.operator("list_gather", effect=Effect.SELECTION)
def list_gather(call: Call) -> Kernel:
    """The elements at `indices`, stacked along a new first axis."""
    places = _places(call, "indices")

    def run(ls: TensorList, *given: torch.Tensor) -> torch.Tensor:
        indices = places(given)
        checked_shape([check_places(len(indices)), *(ls.shape or ())])
        return torch.stack([ls.read(index) for index in indices])

    return Kernel(("ls", *places.operands), run)


@FAMILY.operator("list_scatter", effect=Effect.MOVEMENT)
def list_scatter(call: Call) -> Kernel:
    """Slice i of `value` goes to place indices[i]."""
    places = _places(call, "indices")

    def run(ls: TensorList, value: torch.Tensor, *given: torch.Tensor) -> TensorList:
        indices = places(given)
        if not indices:
            return ls
        # longer at once: each writing copies the list
        elements = list(ls.write(max(indices), value[0]).elements)
        for index, element in zip(indices, value, strict=True):
            if index < 0:
                raise IndexError(f"index {index} of a list")
            elements[index] = element
        return TensorList(tuple(elements), tuple(value.shape[1:]), ls.dtype)

    return Kernel(("ls", "value", *places.operands), run)


@dataclass(frozen=True)
class _Places:
    """Places in a list. `known`: those that are constants of the program; else they are the operand `operands`."""

    operands: tuple[str, ...]
    known: tuple[int, ...] = ()

    def __call__(self, given: Sequence[torch.Tensor]) -> tuple[int, ...]:
        return tuple(given[0].reshape(-1).tolist()) if given else self.known


def _places(call: Call, parameter: str) -> _Places:
    # a constant is read here: while a program is captured, tensors have no values
    return _Places((), call.integers(parameter)) if call.is_constant(parameter) else _Places((parameter,))
