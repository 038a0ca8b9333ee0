"""Operators that, in eval mode and for a static float32 graph, return their first argument's values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobiledeploy.aten.graph import arguments, aten, replace_all_uses

if TYPE_CHECKING:
    from torch import fx

__all__ = ["CASTS", "DROPOUTS", "INERT", "strip_inert"]

INERT = {
    aten.alias.default,
    aten.clone.default,
    aten.contiguous.default,
    aten.detach.default,
    aten.detach_.default,
    aten.lift_fresh.default,
    aten.lift_fresh_copy.default,
    aten.positive.default,
}
DROPOUTS = {
    aten.alpha_dropout.default,
    aten.alpha_dropout_.default,
    aten.dropout.default,
    aten.dropout_.default,
    aten.feature_alpha_dropout.default,
    aten.feature_alpha_dropout_.default,
    aten.feature_dropout.default,
    aten.feature_dropout_.default,
}
CASTS = {
    aten._to_copy.default,
    aten.to.device,
    aten.to.dtype,
    aten.to.dtype_layout,
    aten.to.other,
    aten.type_as.default,
}
_ASSERTIONS = {aten._assert_tensor_metadata.default, aten._assert_async.msg, aten._assert_scalar.default}


def strip_inert(module: fx.GraphModule) -> None:
    """f(clone(x)) ──▶ f(x), and the like for detach, dropout(train=False) and casts to the type that is there"""
    for node in list(module.graph.nodes):
        if node.op != "call_function":
            continue
        if node.target in _ASSERTIONS:
            module.graph.erase_node(node)
        elif _is_inert(node):
            replace_all_uses(node, node.args[0])
            module.graph.erase_node(node)


def _is_inert(node: fx.Node) -> bool:
    if node.target in INERT:
        return True
    if node.target in DROPOUTS:
        _, probability, training = arguments(node)
        return not training or probability == 0
    if node.target in CASTS:
        return bool(node.args[0].meta["val"].dtype == node.meta["val"].dtype)  # type: ignore[union-attr]
    return False
