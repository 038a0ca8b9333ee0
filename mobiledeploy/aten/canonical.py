"""One spelling for each thing: what `torch.export` gives, brought to the canonical, functional ATen set.

Canonical are the composite operators that converters and people know: conv2d, linear, batch_norm, layer_norm, gelu,
scaled_dot_product_attention. torch's own decompositions would break them up, bring in `as_strided` and cost 1.5 s;
they are asked for only where a program writes into views.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import fx

from mobiledeploy.aten.graph import aten, call, is_call, rank, remove_dead, replace_all_uses, shape

__all__ = ["canonicalize", "needs_functionalization"]

# In eval mode and for a static graph these return their first argument's values.
_INERT = {
    aten.alias.default,
    aten.clone.default,
    aten.contiguous.default,
    aten.detach.default,
    aten.detach_.default,
    aten.lift_fresh.default,
    aten.lift_fresh_copy.default,
}
_DROPOUTS = {
    aten.alpha_dropout.default,
    aten.dropout.default,
    aten.dropout_.default,
    aten.feature_alpha_dropout.default,
    aten.feature_dropout.default,
}
_CASTS = {aten._to_copy.default, aten.to.dtype, aten.to.device, aten.to.dtype_layout, aten.type_as.default}
_ASSERTIONS = {aten._assert_tensor_metadata.default, aten._assert_async.msg, aten._assert_scalar.default}
_RESHAPES = {
    aten._unsafe_view.default,
    aten.flatten.using_ints,
    aten.reshape.default,
    aten.reshape_as.default,
    aten.unflatten.int,
    aten.view.default,
    aten.view_as.default,
}
_TRANSPOSES = {
    aten.adjoint.default,
    aten.mT.default,
    aten.movedim.int,
    aten.movedim.intlist,
    aten.numpy_T.default,
    aten.permute.default,
    aten.swapaxes.default,
    aten.swapdims.default,
    aten.t.default,
    aten.transpose.int,
}


class Step(NamedTuple):
    """One pass; `after` says why it stands where it does."""

    run: Callable[[fx.GraphModule], None]
    after: str


def canonicalize(module: fx.GraphModule) -> None:
    """Brings the graph to canonical form, in place."""
    for step in STEPS:
        step.run(module)
    remove_dead(module)
    module.graph.lint()
    module.recompile()


def needs_functionalization(graph: fx.Graph) -> bool:
    """Whether the graph mutates something in a way that renaming alone cannot undo."""
    return any(not _renamable(node) for node in graph.nodes if _is_mutation(node))


def _strip_inert(module: fx.GraphModule) -> None:
    for node in list(module.graph.nodes):
        if node.op != "call_function":
            continue
        if node.target in _ASSERTIONS:
            module.graph.erase_node(node)
        elif _is_inert(node):
            replace_all_uses(node, node.args[0])
            module.graph.erase_node(node)


def _is_inert(node: fx.Node) -> bool:
    if node.target in _INERT:
        return True
    if node.target in _DROPOUTS:
        return not node.args[2]
    if node.target in _CASTS:
        source = node.args[0]
        return isinstance(source, fx.Node) and source.meta["val"].dtype == node.meta["val"].dtype
    return False


def _rename_mutations(module: fx.GraphModule) -> None:
    """relu_(x); use x   ──▶   y = relu(x); use y"""
    for node in list(module.graph.nodes):
        if _is_mutation(node):
            node.target = _functional(node)
            mutated = node.args[0]
            later = [user for user in mutated.users if user is not node and user > node]
            for user in later:
                user.replace_input_with(mutated, node)


def _is_mutation(node: fx.Node) -> bool:
    schema = getattr(node.target, "_schema", None) if node.op == "call_function" else None
    return schema is not None and schema.is_mutable and node.target not in (_INERT | _DROPOUTS)


def _functional(node: fx.Node) -> Any:
    """The operator without the trailing underscore and with the same overload, or None."""
    name = node.target._schema.name.removeprefix("aten::")
    packet = getattr(aten, name.removesuffix("_"), None) if name.endswith("_") else None
    return getattr(packet, node.target._overloadname, None)


def _renamable(node: fx.Node) -> bool:
    mutated = node.args[0]
    if _functional(node) is None or not isinstance(mutated, fx.Node) or mutated.op != "call_function":
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
        near = [user for user in current.users if user.args and user.args[0] is current and _may_alias(user)]
        if _may_alias(current) and current.args and isinstance(current.args[0], fx.Node):
            near.append(current.args[0])
        frontier += [other for other in near if other not in found]
        found.update(near)
    return found


def _may_alias(node: fx.Node) -> bool:
    if node.op != "call_function":
        return False
    if node.target is operator.getitem or node.target in (_INERT | _DROPOUTS | _CASTS):
        return True
    schema = getattr(node.target, "_schema", None)
    return schema is not None and any(argument.alias_info is not None for argument in schema.arguments)


def _unify_norms(module: fx.GraphModule) -> None:
    """_native_batch_norm_legit_no_training(x, …)[0]  ──▶  batch_norm(x, …), and the like for layer and group norm"""
    for node in list(module.graph.nodes):
        if node.target is operator.getitem and node.args[1] == 0 and _native_norm(node.args[0]) is not None:
            target, args = _native_norm(node.args[0])
            with module.graph.inserting_before(node):
                replace_all_uses(node, call(module.graph, target, args, like=node))


def _native_norm(node: Any) -> Any:
    if is_call(node, aten._native_batch_norm_legit_no_training):
        x, weight, bias, mean, variance, momentum, eps = node.args
        return aten.batch_norm.default, (x, weight, bias, mean, variance, False, momentum, eps, False)
    if is_call(node, aten.native_layer_norm):
        return aten.layer_norm.default, node.args
    if is_call(node, aten.native_group_norm):
        x, weight, bias, _, _, _, groups, eps = node.args
        return aten.group_norm.default, (x, groups, weight, bias, eps)
    return None


def _unify_movement(module: fx.GraphModule) -> None:
    """flatten, view, unflatten, …  ──▶  reshape;  transpose, t, movedim, …  ──▶  permute;  expand_as  ──▶  expand"""
    for node in list(module.graph.nodes):
        if node.op != "call_function" or not node.args or not isinstance(node.args[0], fx.Node):
            continue
        if node.target in _RESHAPES:
            node.target, node.args, node.kwargs = aten.reshape.default, (node.args[0], list(shape(node))), {}
        elif node.target in _TRANSPOSES:
            node.target, node.args, node.kwargs = aten.permute.default, (node.args[0], _permutation(node)), {}
        elif node.target is aten.expand_as.default:
            node.target, node.args = aten.expand.default, (node.args[0], list(shape(node)))


def _permutation(node: fx.Node) -> list[int]:
    """The axes, by running the operator on a tensor whose sizes are the axis numbers."""
    probe = torch.empty(tuple(range(2, 2 + rank(node.args[0]))), device="meta")
    return [size - 2 for size in node.target(probe, *node.args[1:], **node.kwargs).shape]


def _drop_no_movement(module: fx.GraphModule) -> None:
    for node in list(module.graph.nodes):
        if is_call(node, aten.reshape, aten.expand) and shape(node) == shape(node.args[0]):
            replace_all_uses(node, node.args[0])
        elif is_call(node, aten.permute) and list(node.args[1]) == sorted(node.args[1]):
            replace_all_uses(node, node.args[0])


STEPS: tuple[Step, ...] = (
    Step(_rename_mutations, "first: the other passes read the graph as if nothing were ever overwritten"),
    Step(_strip_inert, "after the mutations, which tell an alias from a copy"),
    Step(_unify_norms, "before anything looks for a norm"),
    Step(_unify_movement, "after the copies are gone, so that chains of movement stand side by side"),
    Step(_drop_no_movement, "last: it reads the unified spelling"),
)
