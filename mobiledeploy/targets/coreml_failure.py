"""coremltools' exceptions as one error that names the operator, the node and the line of PyTorch code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING

from mobiledeploy.aten.graph import source_line
from mobiledeploy.errors import TargetError

if TYPE_CHECKING:
    from torch import fx
    from torch.export import ExportedProgram

__all__ = ["target_error"]


def target_error(error: Exception, exported: ExportedProgram, messages: Sequence[str]) -> TargetError:
    """`error` was raised by `ct.convert(exported)`, which logged `messages` before."""
    node = _node(error, exported)
    text = " ".join(str(error).split()) or type(error).__name__
    if node is None:
        said = f" It said before: {messages[-1]}" if messages else ""
        return TargetError(f"coremltools cannot convert the program: {text}.{said}", remedy=_REMEDY)
    return TargetError(
        f"coremltools cannot convert `{node.target}`: {text}",
        where=f"{node.name}, {source_line(node) or 'made by a rewrite'}",
        remedy=_REMEDY,
    )


_REMEDY = "Replace that operator in the model, or add its translation to mobiledeploy/targets/coreml_ops.py."


def _node(error: Exception, exported: ExportedProgram) -> fx.Node | None:
    """The node that coremltools was translating: the innermost frame that holds one, of ours or of its own kind."""
    nodes = {node.name: node for node in exported.graph.nodes if node.op == "call_function"}
    names = [getattr(frame.f_locals.get("node"), "name", None) for frame in _frames(error)]
    found = [nodes[name] for name in names if name in nodes]
    return found[-1] if found else None


def _frames(error: Exception) -> Iterator[FrameType]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next
