"""How long values live, and which share memory.

A value may be overwritten by the operator that reads it last, if its memory is the run's own: not an input, a constant
or a state, and not shared with a value that is still to be read. Which values share memory follows from the operators'
effects: results of a MOVEMENT share with their inputs, all others are new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobiledeploy.mil.operator import Effect

if TYPE_CHECKING:
    from mobiledeploy.mil.program import Block, Operation

__all__ = ["Lifetimes", "free_names"]


@dataclass(eq=False)
class _Group:
    """The names that share memory. `foreign`: whether it is not the run's own. `last`: where one is read last."""

    names: list[str]
    foreign: bool
    last: int


class Lifetimes:
    """Which values are read last where, and which share memory. `foreign`: names whose memory is not the run's own."""

    def __init__(self, block: Block, foreign: Iterable[str]) -> None:
        self._last: dict[str, int] = {}
        for index, operation in enumerate(block.operations):
            self._last.update(dict.fromkeys(_used_names(operation), index))
        self._last.update(dict.fromkeys(block.outputs, len(block.operations)))
        # a name without a group comes from outside or is a constant
        self._groups: dict[str, _Group] = {}
        self._foreign = set(foreign)

    def overwritable(self, operation: Operation, index: int) -> frozenset[str]:
        """The parameters of the operation at `index` whose values it may overwrite."""
        # another operand in the same memory would change while it is read
        readers = Counter(self._groups.get(name) for argument in operation.inputs.values() for name in argument)
        return frozenset(
            parameter
            for parameter, argument in operation.inputs.items()
            if len(argument) == 1
            and (group := self._groups.get(argument[0])) is not None
            and not group.foreign
            and group.last <= index
            and readers[group] == 1
        )

    def define(self, operation: Operation, effect: Effect) -> None:
        """Takes note of what the operation defines; to be called in the order of the block."""
        groups = [self._new(name) for name in operation.outputs]
        if effect is not Effect.MOVEMENT:
            return
        for name in _used_names(operation):
            groups.append(self._groups.get(name) or self._new(name, foreign=True))
        self._join(groups)

    def _new(self, name: str, *, foreign: bool = False) -> _Group:
        group = _Group([name], foreign or name in self._foreign, self._last.get(name, -1))
        self._groups[name] = group
        return group

    def _join(self, groups: list[_Group]) -> None:
        """Makes one group of them: the smaller ones go into the largest, so that long chains of views stay cheap."""
        if not groups:
            return
        one = max(groups, key=lambda group: len(group.names))
        for other in dict.fromkeys(groups):
            if other is not one:
                one.names += other.names
                one.foreign |= other.foreign
                one.last = max(one.last, other.last)
                self._groups.update(dict.fromkeys(other.names, one))

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
