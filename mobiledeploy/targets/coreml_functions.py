"""Several programs of one model, each for one size, as the functions of one package.

    size_224x224, size_160x160   ──▶   one Model message; equal weights stand in the weight file once

Packages of several functions are iOS 18's (Core ML specification version 9).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobiledeploy.targets.coreml_blobs import BlobGatherer
    from mobiledeploy.targets.coreml_variant import Variant
    from mobiledeploy.targets.size_expressions import Size

__all__ = ["combine", "function_name"]


def function_name(size: Size) -> str:
    return f"size_{size[0]}x{size[1]}"


def combine(variants: Sequence[Variant], weights: BlobGatherer) -> Any:
    """The Core ML Model message of all; the first variant's function is the default one."""
    first = variants[0].specification
    combined = type(first)(specificationVersion=first.specificationVersion)
    combined.description.metadata.CopyFrom(first.description.metadata)
    combined.description.defaultFunctionName = function_name(variants[0].size)
    combined.mlProgram.version = first.mlProgram.version
    for key, value in first.mlProgram.attributes.items():
        combined.mlProgram.attributes[key].CopyFrom(value)
    for variant in variants:
        name = function_name(variant.size)
        _describe(combined.description.functions.add(name=name), variant.specification.description)
        function = combined.mlProgram.functions[name]
        function.CopyFrom(variant.function)
        for block in function.block_specializations.values():
            for value in _stored(block):
                assert variant.blobs is not None
                value.blobFileValue.offset = weights.add(variant.blobs, value.blobFileValue.offset)
    return combined


def _describe(function: Any, description: Any) -> None:
    function.input.extend(description.input)
    function.output.extend(description.output)
    function.state.extend(description.state)
    function.predictedFeatureName = description.predictedFeatureName
    function.predictedProbabilitiesName = description.predictedProbabilitiesName


def _stored(block: Any) -> Iterator[Any]:
    """The Values of `block` that are in the weight file."""
    for operation in block.operations:
        # protobuf's maps come in the order of a hash seed
        values = [value for _, value in sorted(operation.attributes.items())]
        arguments = [argument for _, argument in sorted(operation.inputs.items())]
        values += [binding.value for argument in arguments for binding in argument.arguments if not binding.name]
        yield from (value for value in values if value.HasField("blobFileValue"))
        for inner in operation.blocks:
            yield from _stored(inner)
