"""Outputs that coremltools cannot express: one tensor under two names, and an input given back as it came.

y = f(x); return y, y, x   ──▶   convert f with the one output y, then append  z = identity(y), w = identity(x)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mobiledeploy.aten.graph import output_node
from mobiledeploy.errors import TargetError

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["Alias", "append_aliases", "without_aliases"]


@dataclass(frozen=True)
class Alias:
    """The output `name` equals `source`, an input or another output."""

    name: str
    source: str


def without_aliases(program: Program) -> tuple[Program, tuple[Alias, ...]]:
    """`program` without its repeated and passed-through outputs, and those. Changes the graph of `program`.

    Raises TargetError if nothing is left.
    """
    output = output_node(program.graph)
    results: tuple[fx.Node, ...] = output.args[0]  # type: ignore[assignment]
    named = {node: node.name for node in program.graph.nodes if node.op == "placeholder"}
    kept: list[tuple[str, fx.Node]] = []
    aliases = []
    for name, node in zip(program.outputs, results, strict=True):
        if node in named:
            aliases.append(Alias(name, named[node]))
        else:
            named[node] = name
            kept.append((name, node))
    if not kept:
        raise TargetError("the model gives its inputs back and computes nothing", remedy="There is nothing to convert.")
    output.args = (tuple(node for _, node in kept),)
    return replace(program, outputs=tuple(name for name, _ in kept)), tuple(aliases)


def append_aliases(specification: Any, aliases: tuple[Alias, ...]) -> None:
    """Gives the Core ML Model message `specification` the outputs `aliases`, in place."""
    main = specification.mlProgram.functions["main"]
    (block,) = main.block_specializations.values()
    values = {value.name: value for value in main.inputs}
    values |= {value.name: value for operation in block.operations for value in operation.outputs}
    features = {feature.name: feature for feature in specification.description.input}
    features |= {feature.name: feature for feature in specification.description.output}
    for alias in aliases:
        operation = block.operations.add(type="identity")
        operation.inputs["x"].arguments.add(name=alias.source)
        operation.outputs.add(name=alias.name).type.CopyFrom(values[alias.source].type)
        _name(operation, f"identity_{alias.name}")
        block.outputs.append(alias.name)
        _describe(specification.description.output.add(name=alias.name), features[alias.source])


def _describe(feature: Any, source: Any) -> None:
    """An array like `source`; of a picture, which Core ML hands out as pixels of a byte, the float32 array of it."""
    if source.type.WhichOneof("Type") != "imageType":
        feature.type.CopyFrom(source.type)
        return
    image = source.type.imageType
    channels = 1 if image.colorSpace == image.GRAYSCALE else 3
    feature.type.multiArrayType.shape.extend([1, channels, image.height, image.width])
    feature.type.multiArrayType.dataType = feature.type.multiArrayType.FLOAT32


def _name(operation: Any, name: str) -> None:
    value = operation.attributes["name"]
    value.type.tensorType.dataType = 2  # STRING
    value.immediateValue.tensor.strings.values.append(name)
