"""One model at several sizes, each captured and rewritten for itself.

resolve ──at each size──▶ trace ──match resizes──▶ rewrite ──▶ one Captured per size
                            └──▶ reference outputs, the samples named 256x256/…
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mobiledeploy.aten.matching_resizes import match_resizes
from mobiledeploy.errors import CaptureError, InputError
from mobiledeploy.pipeline.capturing import load_model, rewrite_traced, trace_model
from mobiledeploy.sources.other_size import at_size, picture_size
from mobiledeploy.targets.table import target_named

if TYPE_CHECKING:
    from mobiledeploy.pipeline.capturing import Captured, Traced
    from mobiledeploy.pipeline.stages import Stages
    from mobiledeploy.records import ExportOptions
    from mobiledeploy.rewrite.rule import Rule
    from mobiledeploy.sources.source import ModelSource

__all__ = ["capture_sizes", "sample_prefix"]

Size: TypeAlias = tuple[int, int]


# "You can provide up to 128 different shapes": the guide of coremltools, "Flexible Input Shapes".
_MOST_SIZES = 128


def sample_prefix(size: Size) -> str:
    """What the names of the samples of one size begin with."""
    return f"{_text(size)}/"


def capture_sizes(
    model: str,
    *,
    options: ExportOptions,
    rules: Sequence[Rule],
    labels: tuple[str, ...] | None,
    images: Path | None,
    stages: Stages,
) -> dict[Size | None, Captured]:
    """The model at each size of `options.flexible`, the default one first: `options.resolution`, else the model's own
    size if that is among them, else the one named first.

    Raises InputError for sizes that contradict each other or that the model does not take, UnsupportedError for a
    target that takes one only, and whatever
    `capture_model` raises.
    """
    _check_request(options)
    for target in options.targets:
        target_named(target).check_sizes()
    base = load_model(model, options=options, stages=stages)
    traced: dict[Size, Traced] = {}
    for size in _default_first(options, base):
        with stages("source", f"Loading {model} at {_text(size)}"):
            source = at_size(base, size, identifier=model, weights=options.weights, seed=options.seed)
        traced[size] = trace_model(
            source, options=options, labels=labels, images=images, stages=stages, prefix=sample_prefix(size)
        )
    _check_names(traced)
    match_resizes([one.program for one in traced.values()])
    return {size: rewrite_traced(one, options=options, rules=rules, stages=stages) for size, one in traced.items()}


def _check_request(options: ExportOptions) -> None:
    sizes = dict.fromkeys(options.flexible)
    if len(sizes) == 1:
        (size,) = sizes
        raise InputError(
            f"{_text(size)} is one size", where="--flexible", remedy="Name at least two, or use --resolution."
        )
    if len(sizes) > _MOST_SIZES:
        raise InputError(
            f"{len(sizes)} sizes are more than the {_MOST_SIZES} that Core ML enumerates",
            where="--flexible",
            remedy="Leave some out.",
        )
    if options.resolution is not None and options.resolution not in sizes:
        raise InputError(
            f"the default size {_text(options.resolution)} is not among the sizes {', '.join(map(_text, sizes))}",
            where="--resolution with --flexible",
            remedy="Add it to --flexible, or leave --resolution out.",
        )


def _default_first(options: ExportOptions, base: ModelSource) -> list[Size]:
    sizes = list(dict.fromkeys(options.flexible))
    own = options.resolution or picture_size(base.inputs)
    return [size for size in sizes if size == own] + [size for size in sizes if size != own]


def _check_names(traced: Mapping[Size, Traced]) -> None:
    """An output may be named after its rank, which then has to be the same at all sizes."""
    names = {size: one.prepared.output_names for size, one in traced.items()}
    if len(set(names.values())) > 1:
        differing = "; ".join(f"{', '.join(outputs)} at {_text(size)}" for size, outputs in names.items())
        raise CaptureError(
            f"the model's outputs differ by size: {differing}",
            remedy="Name them with --output-names, or leave sizes out.",
        )


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
