"""A converter's exception as one error that names the operator, the node and the line of PyTorch code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING

from torch import fx

from mobiledeploy.aten.graph import source_line
from mobiledeploy.errors import TargetError

if TYPE_CHECKING:
    from torch.export import ExportedProgram

__all__ = ["failing_node", "target_error"]


def failing_node(error: BaseException, exported: ExportedProgram) -> fx.Node | None:
    """The node that a converter was at when it raised `error`.

    It is the innermost one that a frame of the traceback holds under the name `node` (an `fx.Node`, or a converter's
    own record of one, which keeps its name), else the one that the message quotes.
    """
    nodes = {node.name: node for node in exported.graph.nodes if node.op == "call_function"}
    return _held_by_a_frame(error, nodes) or _quoted(_text(error), nodes)


def target_error(
    error: BaseException,
    node: fx.Node | None,
    converter: str,
    *,
    remedy: str,
    messages: Sequence[str] = (),
    kind: type[TargetError] = TargetError,
) -> TargetError:
    """`error` was raised while `converter` was at `node`; it had logged `messages` before."""
    if node is None:
        said = f". It said before: {messages[-1][:500]}" if messages else ""
        return kind(f"{converter} cannot convert the program: {_text(error)}{said}", remedy=remedy)
    where = f"{node.name}, {source_line(node) or 'made by a rewrite'}"
    return kind(f"{converter} cannot convert `{node.target}`: {_text(error)}", where=where, remedy=remedy)


def _text(error: BaseException) -> str:
    innermost = _root(error)
    return " ".join(str(innermost).split())[:500].rstrip(".") or type(innermost).__name__


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _held_by_a_frame(error: BaseException, nodes: Mapping[str, fx.Node]) -> fx.Node | None:
    found = None
    for frame in _frames(error):
        local = frame.f_locals.get("node")
        if isinstance(local, fx.Node) and local.op == "call_function":
            found = local
        else:
            found = nodes.get(getattr(local, "name", None) or "", found)
    return found


def _quoted(text: str, nodes: Mapping[str, fx.Node]) -> fx.Node | None:
    """The first node that the message names: coremltools keeps names, and adds suffixes to what it makes of a node."""
    for quoted in re.findall(r"""["']([^"']+)["']""", text):
        parts = quoted.split("_")
        for length in range(len(parts), 0, -1):
            if "_".join(parts[:length]) in nodes:
                return nodes["_".join(parts[:length])]
    return None


def _frames(error: BaseException) -> Iterator[FrameType]:
    """Outermost first, and those of an error before those of its cause."""
    current: BaseException | None = error
    while current is not None:
        traceback = current.__traceback__
        while traceback is not None:
            yield traceback.tb_frame
            traceback = traceback.tb_next
        current = current.__cause__
