"""From a module to a Program: `torch.export`, then the canonical form.

Non-strict export is tried first: it takes as many models as the strict one and 0.5 s instead of 2.1 s (median over
timm). What it refuses is tried strictly. A trace is no resort: it would freeze data-dependent control flow to the
branch that one example took, silently.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind

from mobiledeploy.aten.canonical import canonicalize, needs_functionalization
from mobiledeploy.aten.prepare import PreparedModule
from mobiledeploy.aten.program import Program
from mobiledeploy.errors import CaptureError
from mobiledeploy.records import InputSpec

__all__ = ["capture"]

_MODES = ((False, "torch.export (non-strict)"), (True, "torch.export (strict)"))


def capture(module: PreparedModule, inputs: tuple[InputSpec, ...]) -> Program:
    """The graph of `module` (eval mode, CPU, float32) on inputs of the specs' shapes.

    Raises CaptureError naming the user's source line where torch cannot make a graph, e.g. at control flow that
    depends on data.
    """
    exported, mode = _export(module, inputs)
    graph_module = unlift(exported)
    if needs_functionalization(graph_module.graph):
        with _quiet():
            exported = exported.run_decompositions({})
        graph_module = unlift(exported)
    _name_placeholders(graph_module.graph, inputs)
    canonicalize(graph_module)
    return Program(graph_module, inputs, module.output_names, mode)


def _export(module: PreparedModule, inputs: tuple[InputSpec, ...]) -> tuple[ExportedProgram, str]:
    examples = tuple(torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype)) for spec in inputs)
    first: Exception | None = None
    for strict, name in _MODES:
        try:
            with torch.no_grad(), _quiet():
                return torch.export.export(module, examples, strict=strict), name
        except Exception as error:  # torch raises dozens of unrelated types here
            first = first or error
    assert first is not None
    raise _capture_error(first) from first


def unlift(exported: ExportedProgram) -> fx.GraphModule:
    """The exported graph with parameters, buffers and constants as `get_attr` instead of placeholders."""
    specs = {spec.arg.name: spec for spec in exported.graph_signature.input_specs}
    graph, env, root = fx.Graph(), {}, torch.nn.Module()
    for node in exported.graph.nodes:
        spec = specs.get(node.name) if node.op == "placeholder" else None
        if spec is None or spec.kind is InputKind.USER_INPUT:
            env[node] = graph.node_copy(node, lambda n: env[n])
            continue
        value = _bound_value(exported, str(spec.target))
        root.register_buffer(node.name, value)
        env[node] = graph.get_attr(node.name)
        env[node].meta["val"] = node.meta["val"]
    return fx.GraphModule(root, graph)


def _bound_value(exported: ExportedProgram, name: str) -> torch.Tensor:
    value = exported.state_dict[name] if name in exported.state_dict else exported.constants[name]
    if not isinstance(value, torch.Tensor):
        raise CaptureError(f"the graph binds `{name}`, a {type(value).__name__}", remedy="Only tensors can be exported.")
    return value.detach()


def _name_placeholders(graph: fx.Graph, inputs: tuple[InputSpec, ...]) -> None:
    placeholders = [node for node in graph.nodes if node.op == "placeholder"]
    for node, spec in zip(placeholders, inputs, strict=True):
        node.target = spec.name
        node._rename(spec.name)


@contextmanager
def _quiet() -> Iterator[None]:
    """torch.export warns and logs about its own internals; what matters comes back as an exception."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _capture_error(error: Exception) -> CaptureError:
    text = str(error)
    line = _source_line(text)
    if "data-dependent" in text or "unbacked" in text or "Dynamic control flow" in text:
        return CaptureError(
            "the model's control flow depends on the values of a tensor, which no static graph can hold",
            where=line,
            remedy="Replace the branch by torch.where or torch.cond.",
        )
    first = next((part.strip() for part in text.splitlines() if part.strip()), type(error).__name__)
    return CaptureError(
        f"torch.export cannot take the model: {type(error).__name__}: {first[:300]}",
        where=line,
        remedy="Rewrite that line with operators that torch.export knows.",
    )


def _source_line(text: str) -> str | None:
    """The innermost `File "…", line N` of an export error that is not torch's own."""
    frames = re.findall(r'File "([^"]+)", line (\d+)', text)
    user = [f"{name}:{line}" for name, line in frames if "/torch/" not in name and "/mobiledeploy/" not in name]
    return user[-1] if user else None
