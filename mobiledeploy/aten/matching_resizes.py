"""Resizes that a model does only at some sizes, in its programs of all sizes.

    160:  x ──resize 5→6──▶ attention ──resize 6→5──▶ conv
    192:  x ──────────────▶ attention ──────────────▶ conv     ──▶     x ──resize 6→6──▶ attention ──resize 6→6──▶ conv

MobileViT resizes its features where they are no multiple of its patches. The rewriting sees through other operators
than through a resize, so without this it would make different programs of one model, which no package could share.
A resize from a size to itself gives its input back exactly, so that it is right wherever it stands.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from mobiledeploy.aten.graph import aten, call, is_call, rank, shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["match_resizes"]

_RESIZES = (
    aten._upsample_bicubic2d_aa,
    aten._upsample_bilinear2d_aa,
    aten.upsample_bicubic2d,
    aten.upsample_bilinear2d,
    aten.upsample_nearest2d,
)


def match_resizes(programs: Sequence[Program]) -> None:
    """Gives each program the resizes that it lacks and another one has, in place. `programs`: captures of one model."""
    if not any(is_call(node, *_RESIZES) for program in programs for node in program.graph.nodes):
        return
    for giver in programs:
        for taker in programs:
            if giver is not taker:
                _complete(giver, taker)


def _complete(giver: Program, taker: Program) -> None:
    """Gives `taker` the resizes of `giver` that it lacks, where the nodes around them correspond."""
    theirs, ours = _operations(giver), _operations(taker)
    targets = [[str(node.target) for node in nodes] for nodes in (theirs, ours)]
    counterparts = dict(zip(_placeholders(giver), _placeholders(taker), strict=True))
    missing = []
    for tag, i, j, k, m in SequenceMatcher(None, targets[0], targets[1], autojunk=False).get_opcodes():
        if tag == "equal":
            counterparts.update(zip(theirs[i:j], ours[k:m], strict=True))
        elif tag == "delete":
            missing += [node for node in theirs[i:j] if is_call(node, *_RESIZES)]
    for resize in missing:
        source = counterparts.get(resize.args[0])  # type: ignore[arg-type]
        readers = [counterparts[user] for user in resize.users if user in counterparts]
        if source is not None and rank(source) == rank(resize):
            counterparts[resize] = _insert(taker, resize, source, [r for r in readers if source in r.all_input_nodes])
    taker.graph_module.recompile()


def _insert(program: Program, resize: fx.Node, source: fx.Node, readers: Sequence[fx.Node]) -> fx.Node:
    """`resize` of `source` to its own size, read by `readers` in its place; `source` itself where nobody would."""
    if not readers:
        return source
    graph = program.graph
    with graph.inserting_after(source):
        neutral = call(graph, resize.target, _neutral_arguments(resize, source), like=source)  # type: ignore[arg-type]
    for reader in readers:
        reader.replace_input_with(source, neutral)
    return neutral


def _neutral_arguments(resize: fx.Node, source: fx.Node) -> tuple[Any, ...]:
    names = [argument.name for argument in resize.target._schema.arguments]  # type: ignore[union-attr]
    values = [None if name.startswith("scale") else value for name, value in zip(names, resize.args, strict=False)]
    return (source, list(shape(source)[2:]), *values[2:])


def _operations(program: Program) -> list[fx.Node]:
    return [node for node in program.graph.nodes if node.op == "call_function"]


def _placeholders(program: Program) -> list[fx.Node]:
    return [node for node in program.graph.nodes if node.op == "placeholder"]
