"""How long values live, and which share memory.

A value may be overwritten by the operator that reads it last, if its memory is the run's own: not an input, a constant
or a state, and not shared with a value that is still to be read. Which values share memory follows from the operators'
effects: results of a MOVEMENT share with their inputs, all others are new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mobiledeploy.mil.operator import Effect

if TYPE_CHECKING:
    from mobiledeploy.mil.program import Block, Operation

__all__ = ["Lifetimes", "free_names"]


class Lifetimes:
    """Which values are read last where, and which share memory. `foreign`: names whose memory is not the run's own."""

    def __init__(self, block: Block, foreign: Iterable[str]) -> None:
        self._last: dict[str, int] = {}
        for index, operation in enumerate(block.operations):
            self._last.update(dict.fromkeys(_used_names(operation), index))
        self._last.update(dict.fromkeys(block.outputs, len(block.operations)))
        # the names that share memory with each name; one without a group comes from outside or is a constant
        self._groups: dict[str, set[str]] = {}
        self._foreign = set(foreign)

    def overwritable(self, operation: Operation, index: int) -> frozenset[str]:
        """The parameters of the operation at `index` whose values it may overwrite."""
        names = [name for argument in operation.inputs.values() for name in argument]
        return frozenset(
            parameter
            for parameter, argument in operation.inputs.items()
            if len(argument) == 1 and self._is_free(argument[0], names, index)
        )

    def _is_free(self, name: str, operands: list[str], index: int) -> bool:
        group = self._groups.get(name)
        if group is None or not group.isdisjoint(self._foreign):
            return False
        # another operand in the same memory would change while it is read
        alone = sum(operand in group for operand in operands) == 1
        return alone and all(self._last.get(member, -1) <= index for member in group)

    def define(self, operation: Operation, effect: Effect) -> None:
        """Takes note of what the operation defines; to be called in the order of the block."""
        if effect is not Effect.MOVEMENT:
            for name in operation.outputs:
                self._groups[name] = {name}
            return
        shared = set(operation.outputs)
        for name in _used_names(operation):
            # a name without a group is a constant or comes from outside
            shared |= self._groups.get(name) or {name}
            if name not in self._groups:
                self._foreign.add(name)
        for name in shared:
            self._groups[name] = shared

    def ending(self, operation: Operation, index: int, variables: Mapping[str, int]) -> list[str]:
        """The variables that nobody reads after this operation."""
        names = dict.fromkeys((*_used_names(operation), *operation.outputs))
        return [name for name in names if name in variables and self._last.get(name, index) <= index]


def _used_names(operation: Operation) -> list[str]:
    names = [name for argument in operation.inputs.values() for name in argument]
    for block in operation.blocks:
        names.extend(sorted(free_names(block)))
    return names


def free_names(block: Block) -> set[str]:
    """The names a block reads but does not define."""
    defined = {named.name for named in block.inputs}
    free: set[str] = set()
    for operation in block.operations:
        free.update(name for name in _used_names(operation) if name not in defined)
        defined.update(operation.outputs)
    return free | (set(block.outputs) - defined)
