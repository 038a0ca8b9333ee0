"""An exported program as one flat graph: constants as attributes, regions without a meaning of their own inlined.

    placeholder p_w, placeholder x, conv2d(x, p_w)     ──▶  get_attr p_w, placeholder x, conv2d(x, p_w)
    wrap_with_autocast(…, submodule, x) ── getitem 0   ──▶  the submodule's nodes

What a program writes back into its inputs and buffers is no output of the model and is left out.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import fx
from torch.export.graph_signature import InputKind, OutputKind

from mobiledeploy.aten.frames import user_line
from mobiledeploy.aten.uncompiled import graph_module
from mobiledeploy.errors import CaptureError

if TYPE_CHECKING:
    from torch.export import ExportedProgram

__all__ = ["unlift"]

# Contexts around a region: gradients are never wanted, and everything is computed in float32. The number of
# arguments before the submodule (torch._higher_order_ops.wrap).
_CONTEXTS = {"wrap_with_set_grad_enabled": 1, "wrap_with_autocast": 4}

# What takes one way or another, or goes round, by a tensor's value (torch._higher_order_ops).
_CONTROL_FLOW = {"associative_scan", "cond", "map", "map_impl", "scan", "while_loop"}


def unlift(exported: ExportedProgram, inputs: tuple[str, ...]) -> fx.GraphModule:
    """The exported graph with its inputs as placeholders of the names in `inputs`, and parameters, buffers and
    constants as `get_attr`.

    Raises CaptureError at control flow (torch.cond and the like) and at constants that are no tensors.
    """
    copier = _Copier(fx.Graph(), {})
    root = torch.nn.Module()
    signature = exported.graph_signature
    placeholders = exported.graph.find_nodes(op="placeholder")
    bound = {spec.arg.name: spec for spec in signature.input_specs if spec.kind is not InputKind.USER_INPUT}
    # Inputs first: nothing else may have taken their names.
    free = [node for node in placeholders if node.name not in bound]
    for node, name in zip(free, inputs, strict=True):
        copier.env[node] = copier.graph.placeholder(name)
        copier.env[node].meta["val"] = node.meta["val"]
    for node in placeholders:
        if node.name in bound:
            root.register_buffer(node.name, _bound_value(exported, str(bound[node.name].target)))
            copier.env[node] = copier.graph.get_attr(node.name)
            copier.env[node].meta["val"] = node.meta["val"]
    for node in exported.graph.nodes:
        if node.op not in ("placeholder", "output"):
            copier.copy(node, exported.graph_module)
    returned = zip(exported.graph.output_node().args[0], signature.output_specs, strict=True)
    outputs = [value for value, spec in returned if spec.kind is OutputKind.USER_OUTPUT]
    copier.graph.output(tuple(copier.env[value] for value in outputs))
    return graph_module(root, copier.graph)


@dataclass(frozen=True)
class _Copier:
    """`env`: what stands in `graph` for a node of the original; a tuple for an inlined region."""

    graph: fx.Graph
    env: dict[fx.Node, Any]

    def copy(self, node: fx.Node, owner: torch.nn.Module) -> None:
        if node.op == "get_attr":
            self._attribute(node, owner)
        elif isinstance(node.target, torch._ops.HigherOrderOperator):
            self.env[node] = self._inline(node, owner)
        elif node.target is operator.getitem and isinstance(self.env[node.args[0]], tuple):  # type: ignore[index]
            self.env[node] = self.env[node.args[0]][node.args[1]]  # type: ignore[index]
        else:
            self.env[node] = self.graph.node_copy(node, lambda n: self.env[n])

    def _attribute(self, node: fx.Node, owner: torch.nn.Module) -> None:
        """A submodule, which is copied where it is called."""
        if not isinstance(getattr(owner, str(node.target)), fx.GraphModule):
            raise CaptureError(f"the graph binds `{node.target}`, which is no tensor", where=_line(node))

    def _inline(self, node: fx.Node, owner: torch.nn.Module) -> tuple[Any, ...]:
        name = node.target.name()  # type: ignore[union-attr]
        if name in _CONTROL_FLOW:
            raise CaptureError(
                f"the model's control flow ({name}) depends on data, which no static graph can hold",
                where=_line(node),
                remedy="Compute both branches and choose with torch.where.",
            )
        if name not in _CONTEXTS:
            raise CaptureError(
                f"`{name}` stays a function of its own in the graph, which no converter takes",
                where=_line(node),
                remedy="Write that line in plain operators, attention as F.scaled_dot_product_attention.",
            )
        position = _CONTEXTS[name]
        body = getattr(owner, str(node.args[position].target))  # type: ignore[union-attr]
        given = iter(node.args[position + 1 :])
        for inner in body.graph.nodes:
            if inner.op == "placeholder":
                self.env[inner] = self.env[next(given)]  # type: ignore[index]
            elif inner.op == "output":
                returned = inner.args[0]
            else:
                self.copy(inner, body)
        return tuple(self.env[value] for value in returned)


def _bound_value(exported: ExportedProgram, name: str) -> torch.Tensor:
    value = exported.state_dict[name] if name in exported.state_dict else exported.constants.get(name)
    if not isinstance(value, torch.Tensor):
        raise CaptureError(
            f"the graph binds `{name}`, a {type(value).__name__}", remedy="Only tensors can be exported."
        )
    return value.detach()


def _line(node: fx.Node) -> str | None:
    return user_line(node.meta.get("stack_trace") or "")
