"""In-place operators: renamed where nothing else sees the storage, left to torch's functionalization otherwise.

    relu_(x); use x   ──▶   y = relu(x); use y

torch's own pass costs a second export and copies views about; most models only say `inplace=True`.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from mobiledeploy.aten.graph import aten, shape
from mobiledeploy.aten.inert import CASTS, DROPOUTS, INERT

if TYPE_CHECKING:
    from torch import fx

__all__ = ["needs_functionalization", "rename_mutations"]


def needs_functionalization(graph: fx.Graph) -> bool:
    """Whether the graph mutates something in a way that renaming alone cannot undo."""
    return any(not _renamable(node) for node in graph.nodes if _is_mutation(node))


def rename_mutations(module: fx.GraphModule) -> None:
    """Every in-place operator becomes its functional namesake; who read the old value later reads the new one."""
    for node in list(module.graph.nodes):
        if _is_mutation(node):
            node.target = _functional(node)
            mutated = node.args[0]
            for user in [user for user in mutated.users if user is not node and user > node]:
                user.replace_input_with(mutated, node)


def _is_mutation(node: fx.Node) -> bool:
    schema = getattr(node.target, "_schema", None) if node.op == "call_function" else None
    return schema is not None and schema.is_mutable and node.target not in (INERT | DROPOUTS)


def _functional(node: fx.Node) -> Any:
    """The operator without the trailing underscore and with the same overload, or None."""
    name = node.target._schema.name.removeprefix("aten::")  # type: ignore[union-attr]
    packet = getattr(aten, name.removesuffix("_"), None) if name.endswith("_") else None
    return getattr(packet, node.target._overloadname, None)  # type: ignore[union-attr]


def _renamable(node: fx.Node) -> bool:
    mutated: Any = node.args[0]
    if _functional(node) is None or getattr(mutated, "op", None) != "call_function":
        return False
    # An alias taken later reads the new value, through `node` or through the base that is renamed to it.
    others = {alias for alias in _aliases(mutated) - {mutated, node} if alias < node}
    same_type = mutated.meta["val"].dtype == node.meta["val"].dtype and shape(mutated) == shape(node)
    return same_type and not any(user > node for alias in others for user in alias.users if user is not node)


def _aliases(node: fx.Node) -> set[fx.Node]:
    """Every node that may share storage with `node`: found through views, in-place results and inert operators."""
    found, frontier = {node}, [node]
    while frontier:
        current = frontier.pop()
        near: list[Any] = [user for user in current.users if user.args and user.args[0] is current and _may_alias(user)]
        if _may_alias(current) and current.args and hasattr(current.args[0], "users"):
            near.append(current.args[0])
        frontier += [other for other in near if other not in found]
        found.update(near)
    return found


def _may_alias(node: fx.Node) -> bool:
    if node.op != "call_function":
        return False
    if node.target is operator.getitem or node.target in (INERT | DROPOUTS | CASTS):
        return True
    schema = getattr(node.target, "_schema", None)
    return schema is not None and any(argument.alias_info is not None for argument in schema.arguments)
