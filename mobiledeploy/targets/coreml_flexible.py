"""One package for pictures of several sizes, from the programs of one model, each rewritten and converted for its size.

    one program per size ──convert──▶ one ML Program per size ──unify──▶ one function, its sizes enumerated
                                                          └──combine──▶ one function per size, the weights shared

Capture, rewriting and conversion see static sizes only, which is what they are strong at. Two programs of one model
that differ in sizes alone are then made one; each size was captured itself, so that nothing of one is frozen into
another.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobiledeploy.errors import TargetError
from mobiledeploy.records import FlexibleSizes
from mobiledeploy.targets.coreml_alignment import UnlikeError
from mobiledeploy.targets.coreml_blobs import BlobFile, BlobGatherer
from mobiledeploy.targets.coreml_conversion import to_specification
from mobiledeploy.targets.coreml_functions import combine, function_name
from mobiledeploy.targets.coreml_unification import unify
from mobiledeploy.targets.coreml_variant import Variant, read_variant
from mobiledeploy.targets.mlpackage import write_mlpackage

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program
    from mobiledeploy.targets.size_expressions import Size
    from mobiledeploy.targets.target import ConversionOptions

__all__ = ["convert_sizes"]

_FIRST_WITH_FUNCTIONS = "iOS18"
_ALIKE = "the programs of all sizes differ in sizes only"


def convert_sizes(programs: Mapping[Size, Program], options: ConversionOptions, destination: Path) -> FlexibleSizes:
    """Writes the package at `destination`. See `Target.convert_sizes`.

    Raises TargetError where a function for each size is needed and the deployment target knows no such packages.
    """
    with tempfile.TemporaryDirectory(prefix=".coreml-", dir=destination.parent) as scratch:
        variants = [_variant(size, program, options, Path(scratch)) for size, program in programs.items()]
        try:
            specification, weights = _unified(variants, Path(scratch))
            made = FlexibleSizes(destination.name, "enumerated", tuple(programs), _ALIKE)
        except UnlikeError as difference:
            _demand_functions(options, str(difference))
            specification, weights = _combined(variants, Path(scratch))
            functions = tuple(map(function_name, programs))
            made = FlexibleSizes(destination.name, "functions", tuple(programs), str(difference), functions)
        write_mlpackage(destination, specification, weights)
    return made


def _variant(size: Size, program: Program, options: ConversionOptions, scratch: Path) -> Variant:
    folder = scratch / function_name(size)
    folder.mkdir()
    specification, weights = to_specification(program, options, folder)
    return read_variant(size, specification, None if weights is None else BlobFile(weights))


def _unified(variants: Sequence[Variant], scratch: Path) -> tuple[Any, Path | None]:
    gatherer = BlobGatherer(scratch / "unified.bin")
    try:
        specification = unify(variants, gatherer)
    finally:
        weights = gatherer.close()
    _enumerate(specification.description, variants)
    return specification, weights


def _combined(variants: Sequence[Variant], scratch: Path) -> tuple[Any, Path | None]:
    gatherer = BlobGatherer(scratch / "combined.bin")
    specification = combine(variants, gatherer)
    return specification, gatherer.close()


def _enumerate(description: Any, variants: Sequence[Variant]) -> None:
    """The sizes that the one input of several may have; outputs whose shape depends on it lose theirs, as
    coremltools describes them."""
    for feature in description.input:
        shapes = [variant.shape(feature.name) for variant in variants]
        if len(set(shapes)) == 1:
            continue
        if feature.type.WhichOneof("Type") == "imageType":
            for height, width in (shape[-2:] for shape in shapes):
                feature.type.imageType.enumeratedSizes.sizes.add(height=height, width=width)
        else:
            for shape in shapes:
                feature.type.multiArrayType.enumeratedShapes.shapes.add(shape=shape)
    for place, feature in enumerate(description.output):
        described = [variant.specification.description.output[place].type.multiArrayType for variant in variants]
        if len({tuple(array.shape) for array in described}) > 1:
            feature.type.multiArrayType.ClearField("shape")


def _demand_functions(options: ConversionOptions, reason: str) -> None:
    if int(options.deployment_target.removeprefix("iOS")) < int(_FIRST_WITH_FUNCTIONS.removeprefix("iOS")):
        raise TargetError(
            f"one function cannot take all of these sizes: {reason}",
            where=f"--flexible with --deployment-target {options.deployment_target}",
            remedy=f"With --deployment-target {_FIRST_WITH_FUNCTIONS} the package gets a function for each size.",
        )
