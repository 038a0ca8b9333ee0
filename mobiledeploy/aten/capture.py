"""From a module to a Program: `torch.export`, then the canonical form.

Non-strict export is tried first: it takes as many models as the strict one and 0.5 s instead of 2.1 s (median over
timm). What it refuses is tried strictly. A trace is no resort: it would freeze data-dependent control flow to the
branch that one example took, silently.
"""

from __future__ import annotations

import io
import logging
import warnings
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

import torch
from torch import fx

from mobiledeploy.aten.canonical import canonicalize
from mobiledeploy.aten.frames import user_line, user_line_of
from mobiledeploy.aten.graph import arguments, source_line
from mobiledeploy.aten.mutation import needs_functionalization
from mobiledeploy.aten.program import Program
from mobiledeploy.aten.uncompiled import without_code
from mobiledeploy.aten.unlift import unlift
from mobiledeploy.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.export import ExportedProgram

    from mobiledeploy.aten.prepare import PreparedModule
    from mobiledeploy.records import InputSpec

__all__ = ["capture"]

_MODES = ((False, "torch.export (non-strict)"), (True, "torch.export (strict)"))
# How torch's messages say that a Python `if`, `int()` or size needs a tensor's value.
_DATA_DEPENDENT = ("data-dependent", "unbacked", "Dynamic control flow", "Dynamic shape operator")


def capture(module: PreparedModule, inputs: tuple[InputSpec, ...]) -> Program:
    """The graph of `module` (eval mode, CPU, float32) on inputs of the specs' shapes.

    Raises CaptureError naming the user's source line where torch cannot make a graph, e.g. at control flow that
    depends on data, and where the graph is no function of its inputs: sizes that depend on data, random numbers.
    """
    exported, mode = _export(module, inputs)
    names = tuple(spec.name for spec in inputs)
    graph_module = unlift(exported, names)
    for node in graph_module.graph.nodes:
        _check_static(node)
    if needs_functionalization(graph_module.graph):
        with _quiet():
            exported = exported.run_decompositions({})
        graph_module = unlift(exported, names)
    canonicalize(graph_module)
    for node in graph_module.graph.nodes:
        _check_deterministic(node)
    return Program(graph_module, inputs, module.output_names, mode)


def _export(module: PreparedModule, inputs: tuple[InputSpec, ...]) -> tuple[ExportedProgram, str]:
    examples = tuple(torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype)) for spec in inputs)
    first: Exception | None = None
    for strict, name in _MODES:
        try:
            # The strict mode runs the code that it generates.
            with torch.no_grad(), nullcontext() if strict else without_code(), _quiet():
                return torch.export.export(module, examples, strict=strict), name
        except Exception as error:  # torch raises dozens of unrelated types here
            first = first or error
    assert first is not None
    raise _capture_error(first) from first


def _check_static(node: fx.Node) -> None:
    value = node.meta.get("val")
    tensors = value if isinstance(value, tuple | list) else (value,)
    if any(isinstance(t, torch.Tensor) and not all(type(size) is int for size in t.shape) for t in tensors):
        what = f"the size of {node.name}'s result depends on the values of a tensor"
        remedy = "Keep the size and mask what is not wanted."
    elif isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool):
        what = f"{node.name} turns a tensor's value into a Python number"
        remedy = "Keep it a tensor: leave out .item(), float() and int()."
    else:
        return
    raise CaptureError(f"{what}, which no static graph can hold", where=source_line(node), remedy=remedy)


def _check_deterministic(node: fx.Node) -> None:
    if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()) and not _is_deterministic(node):
        raise CaptureError(
            f"the model draws random numbers in eval mode ({node.target})",
            where=source_line(node),
            remedy="Draw them only `if self.training`, e.g. F.dropout(x, p, training=self.training).",
        )


def _is_deterministic(node: fx.Node) -> bool:
    """Attention and recurrent layers are tagged for the sake of their dropout."""
    names = [argument.name for argument in node.target._schema.arguments]  # type: ignore[union-attr]
    given = dict(zip(names, arguments(node), strict=True))
    return any(given.get(name, 1) == 0 for name in ("train", "training", "dropout", "dropout_p"))


@contextmanager
def _quiet() -> Iterator[None]:
    """torch.export warns, logs and prints about its own internals; what matters comes back as an exception."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _capture_error(error: Exception) -> CaptureError:
    text = str(error)
    line = user_line_of(error.__traceback__) or user_line(text)
    if any(phrase in text for phrase in _DATA_DEPENDENT):
        return CaptureError(
            "the model's control flow depends on the values of a tensor, which no static graph can hold",
            where=line,
            remedy="Compute both branches and choose with torch.where.",
        )
    first = next((part.strip() for part in text.splitlines() if part.strip()), "no message")
    return CaptureError(
        f"torch.export cannot take the model: {type(error).__name__}: {first[:300]}",
        where=line,
        remedy="Rewrite that line with operators that torch.export knows.",
    )
