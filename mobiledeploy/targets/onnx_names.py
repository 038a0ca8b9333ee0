"""Names of inputs and outputs that no value inside the graph can take.

torch.onnx renames outputs without looking whether a node in the middle already has that name; so it is given
provisional names, and the final ones are put in afterwards, every other value making way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["messages_in", "provisional", "rename"]


def provisional(kind: str, count: int) -> list[str]:
    """`count` names that neither torch nor people give."""
    return [f"mobiledeploy.{kind}.{index}" for index in range(count)]


def rename(model: Any, names: Mapping[str, str]) -> None:
    """Gives the values of `model` (a ModelProto) that are keys of `names` their new names, in place."""
    taken = {value for message in messages_in(model) for value in _names(message)}
    mapping = dict(names)
    for new in names.values():
        if new in taken and new not in mapping:
            mapping[new] = _fresh(new, taken)
    for message in messages_in(model):
        _rename(message, mapping)


def messages_in(message: Any) -> Iterator[Any]:
    """`message` and every message in it, at any depth."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for inner in value if field.is_repeated else (value,):
            yield from messages_in(inner)


def _fresh(name: str, taken: set[str]) -> str:
    number = 0
    while f"{name}_{number}" in taken:
        number += 1
    taken.add(f"{name}_{number}")
    return f"{name}_{number}"


def _names(message: Any) -> Sequence[str]:
    if message.DESCRIPTOR.name == "NodeProto":
        return [*message.input, *message.output]
    return [message.name] if message.DESCRIPTOR.name in ("ValueInfoProto", "TensorProto") else []


def _rename(message: Any, mapping: Mapping[str, str]) -> None:
    if message.DESCRIPTOR.name == "NodeProto":
        message.input[:] = [mapping.get(name, name) for name in message.input]
        message.output[:] = [mapping.get(name, name) for name in message.output]
    elif message.DESCRIPTOR.name in ("ValueInfoProto", "TensorProto") and message.name in mapping:
        message.name = mapping[message.name]
