"""The same model for pictures of another size: the weights of the one that is there, at that size."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from mobiledeploy.errors import InputError
from mobiledeploy.sources.resolve import resolve

if TYPE_CHECKING:
    from torch import nn

    from mobiledeploy.records import InputSpec
    from mobiledeploy.sources.source import ModelSource

__all__ = ["at_size", "picture_size", "resized"]

Size = tuple[int, int]

# What BatchNorm has learned beside its parameters. Other buffers may be made for a size: masks, indices, positions.
_STATISTICS = ("running_mean", "running_var")


def picture_size(inputs: tuple[InputSpec, ...]) -> Size | None:
    """(height, width) of the pictures that a model takes, None where it takes none."""
    return next((spec.shape[-2:] for spec in inputs if len(spec.shape) == 4), None)


def at_size(base: ModelSource, size: Size, *, identifier: str, weights: str, seed: int) -> ModelSource:
    """`base`, which `resolve` gave for the same `identifier`, `weights` and `seed`, for pictures of `size`.

    A named model is made anew for that size, as `--resolution` makes it (timm resamples position embeddings), and gets
    every weight of `base` that does not belong to a size: random statistics would be measured on other pictures. A
    model of the user's own is run as it is.

    Raises InputError where the model takes no picture, or not of that size.
    """
    if picture_size(base.inputs) == size:
        return base
    _refuse_without_sizes(base, identifier)
    if base.record.kind == "factory":
        other = replace(base, inputs=resized(base.inputs, size))
        _check_runs(other, size, identifier)
        return other
    try:
        made = resolve(identifier, weights=weights, resolution=size, seed=seed)
    except InputError as error:
        if error.where != "--resolution":
            raise
        remedy = (error.remedy or "").replace("--resolution out for the size it was made for", "that size out")
        raise InputError(
            error.what, where="--flexible", remedy=remedy.replace("--resolution out", "that size out")
        ) from error
    _copy_weights(base.module, made.module)
    return replace(made, record=base.record)


def _refuse_without_sizes(base: ModelSource, identifier: str) -> None:
    if picture_size(base.inputs) is None:
        raise InputError(
            f"{identifier} takes no picture, so it has no sizes", where="--flexible", remedy="Leave --flexible out."
        )
    if base.record.kind == "pt2":
        shapes = ", ".join("x".join(map(str, spec.shape)) for spec in base.inputs)
        raise InputError(
            f"{base.record.identifier} is a program for {shapes} and no other size",
            where="--flexible",
            remedy="Give the module itself, as file.py:factory, or leave --flexible out.",
        )


def resized(inputs: tuple[InputSpec, ...], size: Size) -> tuple[InputSpec, ...]:
    """The inputs with the pictures among them at `size`."""
    return tuple(replace(s, shape=(*s.shape[:2], *size)) if len(s.shape) == 4 else s for s in inputs)


def _check_runs(source: ModelSource, size: Size, identifier: str) -> None:
    examples = [torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype)) for spec in source.inputs]
    try:
        with torch.no_grad():
            source.module(*examples)
    # the model is anybody's code
    except Exception as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(
            f"{identifier} does not take {size[0]}x{size[1]}: {reason}",
            where="--flexible",
            remedy="Leave that size out, or try a multiple of 32.",
        ) from error


def _copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Every parameter and statistic that both have in one shape."""
    known = {**dict(source.named_parameters()), **dict(source.named_buffers())}
    own = [*target.named_parameters(), *((n, b) for n, b in target.named_buffers() if n.endswith(_STATISTICS))]
    with torch.no_grad():
        for name, tensor in own:
            if name in known and known[name].shape == tensor.shape:
                tensor.copy_(known[name])
