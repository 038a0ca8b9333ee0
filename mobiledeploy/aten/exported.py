"""A program as a `torch.export.ExportedProgram`, the form that converters take.

    placeholder x, get_attr w, call conv2d(x, w)   ──▶   placeholder w, placeholder x, call conv2d(x, w)

Constants become lifted buffers: placeholders that the signature binds to the state dict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import fx
from torch._export.verifier import Verifier
from torch.export import ExportedProgram, ModuleCallEntry, ModuleCallSignature
from torch.export.graph_signature import (
    ExportGraphSignature,
    InputKind,
    InputSpec,
    OutputKind,
    OutputSpec,
    TensorArgument,
)
from torch.utils import _pytree as pytree

from mobiledeploy.aten.uncompiled import graph_module

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

__all__ = ["to_exported_program"]


def to_exported_program(program: Program) -> ExportedProgram:
    """`program` with its constants rounded to float32 and its dialect declared "ATEN" (functional, static shapes)."""
    graph, state, input_specs = _lift(program)
    output = next(node for node in reversed(graph.nodes) if node.op == "output")
    output_specs = [OutputSpec(OutputKind.USER_OUTPUT, TensorArgument(node.name), None) for node in output.args[0]]
    examples = tuple(torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype)) for spec in program.inputs)
    module = graph_module(torch.nn.Module(), graph)
    return ExportedProgram(
        root=module,
        graph=module.graph,
        graph_signature=ExportGraphSignature(input_specs, output_specs),
        state_dict=state,
        range_constraints={},
        module_call_graph=[ModuleCallEntry("", _call_signature(input_specs, output_specs, examples))],
        example_inputs=(examples, {}),
        constants={},
        verifiers=[Verifier],
    )


def _lift(program: Program) -> tuple[fx.Graph, dict[str, torch.Tensor], list[InputSpec]]:
    graph = fx.Graph()
    env: dict[fx.Node, fx.Node] = {}
    state: dict[str, torch.Tensor] = {}
    buffers: list[InputSpec] = []
    lifted: dict[str, fx.Node] = {}
    for node in program.graph.nodes:
        if node.op == "get_attr":
            name = str(node.target)
            if name not in lifted:
                state[name] = _rounded(program.constant(node))
                lifted[name] = _placeholder(graph, name, node.meta["val"])
                spec = InputSpec(InputKind.BUFFER, TensorArgument(lifted[name].name), name, persistent=True)
                buffers.append(spec)
            env[node] = lifted[name]
    users: list[InputSpec] = []
    for node in program.graph.nodes:
        if node.op == "placeholder":
            env[node] = _placeholder(graph, str(node.target), node.meta["val"])
            users.append(InputSpec(InputKind.USER_INPUT, TensorArgument(env[node].name), None))
        elif node.op != "get_attr":
            env[node] = graph.node_copy(node, lambda n: env[n])
    return graph, state, buffers + users


def _placeholder(graph: fx.Graph, name: str, value: Any) -> fx.Node:
    node = graph.placeholder(name)
    node.meta["val"] = value
    return node


def _rounded(value: torch.Tensor) -> torch.Tensor:
    return value.float() if value.is_floating_point() else value


def _call_signature(
    inputs: list[InputSpec], outputs: list[OutputSpec], examples: tuple[Any, ...]
) -> ModuleCallSignature:
    _, in_spec = pytree.tree_flatten((examples, {}))
    _, out_spec = pytree.tree_flatten(tuple(range(len(outputs))))
    users = [spec.arg for spec in inputs if spec.kind is InputKind.USER_INPUT]
    return ModuleCallSignature(users, [spec.arg for spec in outputs], in_spec, out_spec)
