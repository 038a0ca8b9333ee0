"""A converter's exception as one error that names the operator, the node and the line of PyTorch code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING

from torch import fx

from mobiledeploy.aten.graph import source_line
from mobiledeploy.errors import TargetError

if TYPE_CHECKING:
    from torch.export import ExportedProgram

__all__ = ["target_error"]


def target_error(
    error: BaseException, exported: ExportedProgram, converter: str, *, remedy: str, messages: Sequence[str] = ()
) -> TargetError:
    """`error` was raised while `converter` took `exported`; it had logged `messages` before.

    The node is the innermost one that a frame of the traceback holds under the name `node`: an `fx.Node`, or a
    converter's own record of one, which keeps its name.
    """
    innermost = _root(error)
    node = _node(error, exported)
    text = " ".join(str(innermost).split())[:500] or type(innermost).__name__
    if node is None:
        said = f" It said before: {messages[-1][:500]}" if messages else ""
        return TargetError(f"{converter} cannot convert the program: {text}.{said}", remedy=remedy)
    line = source_line(node) or "made by a rewrite"
    return TargetError(
        f"{converter} cannot convert `{node.target}`: {text}", where=f"{node.name}, {line}", remedy=remedy
    )


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _node(error: BaseException, exported: ExportedProgram) -> fx.Node | None:
    nodes = {node.name: node for node in exported.graph.nodes if node.op == "call_function"}
    found = None
    for frame in _frames(error):
        local = frame.f_locals.get("node")
        if isinstance(local, fx.Node) and local.op == "call_function":
            found = local
        else:
            found = nodes.get(getattr(local, "name", None), found)
    return found


def _frames(error: BaseException) -> Iterator[FrameType]:
    """Outermost first, and those of an error before those of its cause."""
    current: BaseException | None = error
    while current is not None:
        traceback = current.__traceback__
        while traceback is not None:
            yield traceback.tb_frame
            traceback = traceback.tb_next
        current = current.__cause__
