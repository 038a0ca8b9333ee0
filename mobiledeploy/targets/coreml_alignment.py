"""The programs of one model at several sizes, operator by operator next to each other.

    160:  conv, resize, reshape, …               conv   resize  reshape  …
    192:  conv,         reshape, …      ──▶      conv     -     reshape  …
    256:  conv,         reshape, …               conv     -     reshape  …

Two operators stand in one column if they are of one kind and read what stands in the same columns; constants may
differ. An operator that some sizes lack stands alone if it can be neutral (`coreml_neutral`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mobiledeploy.targets.coreml_messages import dtype_of
from mobiledeploy.targets.coreml_neutral import SOURCE, can_be_neutral

if TYPE_CHECKING:
    from mobiledeploy.targets.coreml_variant import Variant

__all__ = ["Alignment", "Column", "UnlikeError", "align"]

# So many operators in a row may be missing at some sizes: two resizes side by side are known, four are a coincidence.
_MOST_MISSING = 4


class UnlikeError(Exception):
    """The programs cannot be one; the message says why, for the manifest."""


@dataclass(frozen=True, eq=False)
class Column:
    """`operations`: one per variant, None where it has none. `inputs`: by parameter and place, the name of the value in
    the program of all; constants are not in it. `sources`: what a variant without the operator has instead of its
    result, by its own name. `outputs`: the names of the results in the program of all."""

    operations: tuple[Any, ...]
    inputs: Mapping[tuple[str, int], str]
    sources: Mapping[int, str]
    outputs: tuple[str, ...]

    @property
    def first(self) -> int:
        """The variant whose operation serves as the pattern."""
        return next(i for i, operation in enumerate(self.operations) if operation is not None)


@dataclass(frozen=True, eq=False)
class Alignment:
    """`outputs`: of the block, by their names in the program of all. `taken`: every name that is in use."""

    columns: tuple[Column, ...]
    outputs: tuple[str, ...]
    taken: frozenset[str]


@dataclass
class _State:
    """How far each variant has been read. `names`: per variant, what its values may be called in the program of all:
    where an operator is missing, its operand and its result are one value."""

    places: list[int]
    names: list[dict[str, tuple[str, ...]]]
    taken: set[str] = field(default_factory=set)

    def copy(self) -> _State:
        return _State(list(self.places), [dict(names) for names in self.names], set(self.taken))


def align(variants: Sequence[Variant]) -> Alignment:
    """Raises UnlikeError where an operator of one variant has no counterpart in the others."""
    names: list[dict[str, tuple[str, ...]]] = [
        {v.name: (v.name,) for v in variant.function.inputs} for variant in variants
    ]
    state = _State([0] * len(variants), names, {*variants[0].types})
    columns = []
    while any(_heads(variants, state)):
        column = _next(variants, state)
        _take(state, column)
        columns.append(column)
    outputs = []
    for own in zip(*(variant.block.outputs for variant in variants), strict=True):
        common = _common([names[name] for names, name in zip(state.names, own, strict=True)])
        if common is None:
            raise UnlikeError(f"output `{own[0]}` is computed in different ways")
        outputs.append(common)
    return Alignment(tuple(columns), tuple(outputs), frozenset(state.taken))


def _heads(variants: Sequence[Variant], state: _State) -> list[Any]:
    places = zip(variants, state.places, strict=True)
    return [v.operations[place] if place < len(v.operations) else None for v, place in places]


def _next(variants: Sequence[Variant], state: _State) -> Column:
    """The next column; of the ways to pass over operators the one after which all programs go on alike the soonest."""
    whole = _whole(variants, state)
    if whole is not None:
        return whole
    frontier: list[tuple[_State, tuple[Column, ...]]] = [(state, ())]
    for _ in range(_MOST_MISSING):
        reached = []
        for at, path in frontier:
            for column in _partial(variants, at):
                after = at.copy()
                _take(after, column)
                if not any(_heads(variants, after)) or _whole(variants, after) is not None:
                    return (*path, column)[0]
                reached.append((after, (*path, column)))
        frontier = reached
    raise UnlikeError(_difference(variants, state))


def _whole(variants: Sequence[Variant], state: _State) -> Column | None:
    heads = _heads(variants, state)
    return None if None in heads else _column(variants, state, dict(enumerate(heads)))


def _partial(variants: Sequence[Variant], state: _State) -> Iterator[Column]:
    """Columns of the operators that come next in some variants and that the others may lack."""
    heads = _heads(variants, state)
    tried: set[frozenset[int]] = set()
    for i, head in enumerate(heads):
        if head is None or not can_be_neutral(head.type):
            continue
        like = [j for j, other in enumerate(heads) if _column(variants, state, {i: head, j: other}) is not None]
        members = frozenset({i, *like})
        if members not in tried and len(members) < len(variants):
            tried.add(members)
            column = _column(variants, state, {j: heads[j] for j in sorted(members)})
            if column is not None:
                yield column


def _column(variants: Sequence[Variant], state: _State, members: Mapping[int, Any]) -> Column | None:
    """The operations of `members` in one column, None where they do not agree or the others cannot do without."""
    pattern_index, pattern = next(iter(members.items()))
    if any(other is None or not _alike(variants, pattern_index, pattern, i, other) for i, other in members.items()):
        return None
    inputs: dict[tuple[str, int], str] = {}
    for parameter, argument in pattern.inputs.items():
        for place in range(len(argument.arguments)):
            own = {i: other.inputs[parameter].arguments[place] for i, other in members.items()}
            constant = {not binding.name or binding.name in variants[i].constants for i, binding in own.items()}
            if len(constant) > 1 or len({b.value.SerializeToString(deterministic=True) for b in own.values()}) > 1:
                return None
            if constant == {False}:
                common = _common([state.names[i][binding.name] for i, binding in own.items()])
                if common is None:
                    return None
                inputs[parameter, place] = common
    sources = _sources(variants, state, members, inputs)
    if sources is None:
        return None
    outputs = tuple(_unused(o.name, state.taken, own=pattern_index == 0) for o in pattern.outputs)
    return Column(tuple(members.get(i) for i in range(len(variants))), inputs, sources, outputs)


def _alike(variants: Sequence[Variant], i: int, one: Any, j: int, other: Any) -> bool:
    """Of one kind, with the same parameters, results of the same rank and type, and no blocks of their own."""
    if one is other:
        return not one.blocks
    arguments = [{p: len(a.arguments) for p, a in operation.inputs.items()} for operation in (one, other)]
    results = [
        [(dtype_of(o.type), len(variants[v].shape(o.name))) for o in operation.outputs]
        for v, operation in ((i, one), (j, other))
    ]
    attributes = [
        {k: v.SerializeToString(deterministic=True) for k, v in operation.attributes.items() if k != "name"}
        for operation in (one, other)
    ]
    pairs = (arguments, results, attributes)
    return one.type == other.type and not other.blocks and all(first == second for first, second in pairs)


def _sources(
    variants: Sequence[Variant], state: _State, members: Mapping[int, Any], inputs: Mapping[tuple[str, int], str]
) -> dict[int, str] | None:
    """By variant that lacks the operator, its value that the others' operator reads; None where one has no such."""
    absent = [i for i in range(len(variants)) if i not in members]
    found = {}
    for i in absent:
        read = inputs.get((SOURCE, 0))
        own = next((name for name, called in state.names[i].items() if read in called), None)
        if own is None:
            return None
        found[i] = own
    if absent:
        for i, operation in members.items():
            source = operation.inputs[SOURCE].arguments[0].name
            if len(operation.outputs) != 1 or len(variants[i].shape(operation.outputs[0].name)) != len(
                variants[i].shape(source)
            ):
                return None
    return found


def _take(state: _State, column: Column) -> None:
    for i, (names, operation) in enumerate(zip(state.names, column.operations, strict=True)):
        if operation is None:
            source = column.sources[i]
            names[source] = (*names[source], *column.outputs)
        else:
            state.places[i] += 1
            names.update({o.name: (name,) for o, name in zip(operation.outputs, column.outputs, strict=True)})
    state.taken.update(column.outputs)


def _common(called: Sequence[tuple[str, ...]]) -> str | None:
    """The latest name that all have."""
    return next((name for name in reversed(called[0]) if all(name in others for others in called)), None)


def _unused(name: str, taken: set[str], *, own: bool) -> str:
    """`name`, or with a number where the first variant has a value of that name, or another one had it before."""
    if own:
        return name
    candidates = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(1)))
    return next(candidate for candidate in candidates if candidate not in taken)


def _difference(variants: Sequence[Variant], state: _State) -> str:
    heads = _heads(variants, state)
    if len({None if head is None else head.type for head in heads}) == 1:
        return f"{heads[0].type} `{heads[0].outputs[0].name}` differs by size in more than its constants"
    texts = []
    for variant, head in zip(variants, heads, strict=True):
        height, width = variant.size
        texts.append(f"{head.type if head is not None else 'nothing more'} at {height}x{width}")
    return f"its operators differ by size: {', '.join(texts)}"
