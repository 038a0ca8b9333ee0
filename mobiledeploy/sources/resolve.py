"""From what the user typed to a model that can be captured."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from mobiledeploy.errors import InputError, UnknownModelError
from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.records import SourceRecord, WeightsRecord
from mobiledeploy.sources.caches import forget
from mobiledeploy.sources.source import Draft, ModelSource, Request, Source
from mobiledeploy.sources.table import SOURCES
from mobiledeploy.sources.weights.choice import put_weights

__all__ = ["resolve"]


def resolve(
    identifier: str,
    *,
    weights: str = "auto",
    resolution: tuple[int, int] | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> ModelSource:
    """The model called `identifier`: a zoo name, `package.module:factory`, `file.py:factory` or a `.pt2` file.

    Args:
        weights: `auto`, `pretrained`, `random` or the path of a checkpoint.
        resolution: (height, width) of the picture in pixels, where it is not to be the model's own.
        seed: of random weights, and of whatever a factory draws.

    Raises:
        UnknownModelError, FactoryError, CheckpointError, InputError: what the user asked for cannot be had.
        HostError: `pretrained` was asked for and the hub does not answer.
    """
    request = Request(identifier, weights, resolution, seed, progress)
    source = next(source for source in SOURCES if source.claims(identifier))
    try:
        draft = source.build(request)
    except UnknownModelError as error:
        raise _with_forms(error) from None
    _prepare(draft)
    parameters = _count(draft.module)
    module, chosen = put_weights(draft, request)
    if draft.enlargement is not None:
        parameters = _count(module)
    draft = dataclasses.replace(draft, module=module)
    _prepare(draft)
    if resolution is not None:
        size = f"{resolution[0]}x{resolution[1]}"
        other = f"let the factory make it for {size}" if source.kind == "factory" else "try a multiple of 32"
        remedy = f"Leave --resolution out for the size it was made for, or {other}."
        _run(draft, where="--resolution", what=f"does not take {size}", remedy=remedy)
    return ModelSource(draft.module, _record(source, draft, parameters, chosen), draft.inputs)


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _with_forms(error: UnknownModelError) -> UnknownModelError:
    """The same error; its remedy also says how MODEL may be written."""
    *forms, last = (source.form for source in reversed(SOURCES))
    remedy = f"{error.remedy or ''} MODEL is {', '.join(forms)}, or {last}."
    return UnknownModelError(error.what, where=error.where, remedy=remedy.strip())


def _record(source: Source, draft: Draft, parameters: int, weights: WeightsRecord) -> SourceRecord:
    return SourceRecord(
        kind=source.kind,
        identifier=draft.identifier,
        name=draft.name,
        architecture=draft.architecture,
        parameters=parameters,
        weights=weights,
        license=draft.license,
    )


def _prepare(draft: Draft) -> None:
    """Eval mode, CPU, float32, no gradients; a lazy module is given its shapes by running it once.

    Raises InputError where it does not run, or has no weights to move.
    """
    if any(parameter.is_meta for parameter in draft.module.parameters()):
        raise InputError(
            f"the parameters of {draft.identifier} are on the meta device, without values",
            where=draft.identifier,
            remedy="Make the model on the CPU.",
        )
    if any(is_lazy(parameter) for parameter in draft.module.parameters()):
        _run(draft, where=draft.identifier, what="does not run", remedy="Give it inputs of the right shape.")
    draft.module.to("cpu").float().requires_grad_(False)
    forget(draft.module)


def _run(draft: Draft, *, where: str, what: str, remedy: str) -> None:
    """Raises InputError where the model does not run on zeros of the shapes of its inputs."""
    examples = [torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype)) for spec in draft.inputs]
    try:
        with torch.no_grad():
            draft.module(*examples)
    # the model is anybody's code
    except Exception as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"{draft.identifier} {what}: {reason}", where=where, remedy=remedy) from error
