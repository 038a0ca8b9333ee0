"""A program as `torch.export` holds it."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import nn

from mobiledeploy.errors import MobileDeployError, UnsupportedError

if TYPE_CHECKING:
    from torch.export import ExportedProgram

__all__ = ["exported_program", "first_reason", "portable", "silent"]

# Where an operator was written down, in files of this machine.
_TRACES = ("stack_trace", "from_node", "nn_module_stack", "source_fn_stack", "torch_fn")


def exported_program(module: nn.Module, values: tuple[torch.Tensor, ...]) -> ExportedProgram:
    """What `torch.export` makes of a `ProgramModule`, or of a module around one, for inputs like `values`.

    Raises UnsupportedError where it cannot capture an operator.
    """
    try:
        with torch.no_grad(), silent():
            return torch.export.export(module, values)
    except MobileDeployError:
        raise
    except Exception as error:  # torch raises dozens of unrelated types here
        raise UnsupportedError(
            f"the program cannot be captured by torch.export: {first_reason(error)}",
            remedy="Run it with predict, which executes every operator.",
        ) from error


def portable(exported: ExportedProgram) -> ExportedProgram:
    """The same in functional operators, none of them decomposed, without assertions of what its types say, and without
    this machine's folders: saved anywhere, it has the same bytes."""
    with silent():
        functional: ExportedProgram = exported.run_decompositions({})
    for module in functional.graph_module.modules():
        for node in list(getattr(getattr(module, "graph", None), "nodes", ())):
            for key in _TRACES:
                node.meta.pop(key, None)
            if node.target is torch.ops.aten._assert_tensor_metadata.default:
                node.graph.erase_node(node)
    return functional


def first_reason(error: BaseException) -> str:
    """The first line of the innermost cause."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """torch and its ONNX exporter may not print, log or warn about their internals: what matters is an exception."""
    disabled = logging.root.manager.disable
    # torch gives its modules loggers with levels of their own
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
