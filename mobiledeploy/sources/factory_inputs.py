"""What a model that the user made takes: it says so itself, or it is assumed to take one picture."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mobiledeploy.errors import FactoryError, InputError
from mobiledeploy.records import InputSpec
from mobiledeploy.sources.preprocessing import image_input

if TYPE_CHECKING:
    from mobiledeploy.sources.source import Request

__all__ = ["inputs_of"]

DEFAULT_RESOLUTION = (224, 224)
REMEDY = "Give a list with one entry per input: a shape such as (1, 3, 224, 224), a tensor, or an InputSpec."


def inputs_of(module: nn.Module, declared: Any, request: Request) -> tuple[InputSpec, ...]:
    """The inputs, from the first of these that there is: what the factory returned beside the module (`declared`), the
    module's `mobiledeploy_inputs`, timm's `pretrained_cfg`, one picture of 224x224 (then `progress.note` says so).

    Raises FactoryError where a declaration is none, InputError where a resolution is asked of what takes no picture.
    """
    if declared is None:
        declared = getattr(module, "mobiledeploy_inputs", None)
    if declared is not None:
        return _at_resolution(_declared(module, declared, request), request)
    cfg = _timm_cfg(module)
    if cfg is not None:
        return (image_input(cfg, request.resolution),)
    height, width = request.resolution or DEFAULT_RESOLUTION
    if len(_forward_names(module)) > 1:
        raise FactoryError(
            f"the model takes several inputs ({', '.join(_forward_names(module))}) and does not say of which shape",
            where=request.identifier,
            remedy="Let the factory return `(module, [shape, shape])`.",
        )
    request.progress.note(
        f"The model does not say what it takes; one float32 tensor of (1, 3, {height}, {width}) is assumed. "
        "Set `mobiledeploy_inputs` on it, or return `(module, [shape])`, to say otherwise."
    )
    return (InputSpec(name=_name(module, 0), shape=(1, 3, height, width)),)


def _declared(module: nn.Module, declared: Any, request: Request) -> tuple[InputSpec, ...]:
    entries = [declared] if isinstance(declared, InputSpec | torch.Tensor) or _is_shape(declared) else declared
    if not isinstance(entries, Sequence) or isinstance(entries, str) or not entries:
        raise FactoryError(f"{declared!r:.80} declares no inputs", where=request.identifier, remedy=REMEDY)
    return tuple(_spec(module, index, entry, request) for index, entry in enumerate(entries))


def _spec(module: nn.Module, index: int, entry: Any, request: Request) -> InputSpec:
    if isinstance(entry, InputSpec):
        return entry
    if isinstance(entry, torch.Tensor):
        dtype = str(entry.dtype).removeprefix("torch.")
        return InputSpec(name=_name(module, index), shape=tuple(entry.shape), dtype=dtype)
    if _is_shape(entry):
        return InputSpec(name=_name(module, index), shape=tuple(int(size) for size in entry))
    raise FactoryError(f"{entry!r:.80} is no shape", where=request.identifier, remedy=REMEDY)


def _at_resolution(specs: tuple[InputSpec, ...], request: Request) -> tuple[InputSpec, ...]:
    """The declared inputs, pictures among them at the resolution asked for."""
    if request.resolution is None:
        return specs
    if not any(len(spec.shape) == 4 for spec in specs):
        raise InputError(
            f"{request.identifier} takes no picture, so it has no resolution",
            where="--resolution",
            remedy="Leave --resolution out.",
        )
    size = request.resolution
    return tuple(
        dataclasses.replace(spec, shape=(*spec.shape[:2], *size)) if len(spec.shape) == 4 else spec for spec in specs
    )


def _is_shape(value: Any) -> bool:
    """A sequence of positive whole numbers."""
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and len(value) > 0
        and all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in value)
    )


def _timm_cfg(module: nn.Module) -> dict[str, Any] | None:
    for name in ("pretrained_cfg", "default_cfg"):
        cfg = getattr(module, name, None)
        if isinstance(cfg, dict) and cfg.get("input_size"):
            return cfg
    return None


def _forward_names(module: nn.Module) -> list[str]:
    parameters = inspect.signature(module.forward).parameters.values()
    return [
        p.name for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]


def _name(module: nn.Module, index: int) -> str:
    names = _forward_names(module)
    return names[index] if index < len(names) else f"input_{index}"
