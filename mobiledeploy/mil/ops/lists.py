"""Lists of tensors. A list is a value like any other: writing to it gives a new one. A place never written is zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel
from mobiledeploy.mil.program import ListType, TensorType
from mobiledeploy.mil.size import checked_shape

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
        checked_shape([index])
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
        checked_shape([length])
        return TensorList((None,) * length, known, carrier)

    if call.has("init_length") and not call.is_constant("init_length"):
        return Kernel(("init_length",), lambda length: run(int(length)))
    length = call.integer("init_length", 1)
    return Kernel((), lambda: run(length))


@FAMILY.operator("list_length", effect=Effect.SELECTION)
def list_length(_: Call) -> Kernel:
    return Kernel(("ls",), lambda ls: torch.tensor(len(ls.elements), dtype=torch.int32))


@FAMILY.operator("list_read", effect=Effect.MOVEMENT)
def list_read(_: Call) -> Kernel:
    return Kernel(("ls", "index"), lambda ls, index: ls.read(int(index)))


@FAMILY.operator("list_write", effect=Effect.MOVEMENT)
def list_write(_: Call) -> Kernel:
    return Kernel(("ls", "index", "value"), lambda ls, index, value: ls.write(int(index), value))


@FAMILY.operator("list_gather", effect=Effect.SELECTION)
def list_gather(_: Call) -> Kernel:
    """The elements at `indices`, stacked along a new first axis."""
    return Kernel(
        ("ls", "indices"), lambda ls, indices: torch.stack([ls.read(index) for index in indices.reshape(-1).tolist()])
    )


@FAMILY.operator("list_scatter", effect=Effect.MOVEMENT)
def list_scatter(_: Call) -> Kernel:
    """Slice i of `value` goes to place indices[i]."""

    def run(ls: TensorList, indices: torch.Tensor, value: torch.Tensor) -> TensorList:
        for index, element in zip(indices.reshape(-1).tolist(), value, strict=True):
            ls = ls.write(index, element)
        return ls

    return Kernel(("ls", "indices", "value"), run)
