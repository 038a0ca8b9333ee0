"""Which weights a model gets: `auto`, `pretrained`, `random`, or a file."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy.errors import CheckpointError, InputError
from mobiledeploy.records import WeightsRecord
from mobiledeploy.sources.weights.checkpoint import read_checkpoint
from mobiledeploy.sources.weights.digest import state_sha256
from mobiledeploy.sources.weights.fitting import load_fitting
from mobiledeploy.sources.weights.seeded import seed_weights

if TYPE_CHECKING:
    import torch
    from torch import nn

    from mobiledeploy.records import InputSpec
    from mobiledeploy.sources.source import Draft, Request

__all__ = ["put_weights"]


def put_weights(draft: Draft, request: Request) -> tuple[nn.Module, WeightsRecord]:
    """The module with the weights asked for in it (in its fused form, where a file is of that; enlarged, where the
    draft says so), and which they are: their hash is that of the model as it was trained.

    Raises InputError where there are no pretrained ones, CheckpointError where a file cannot be read or does not fit.
    """
    if request.weights not in ("auto", "pretrained", "random"):
        return _from_file(draft, request)
    random = request.weights == "random" or (request.weights == "auto" and draft.carries == "nothing")
    record = _random(draft, request) if random else _carried(draft, request)
    return _enlarged(draft, draft.module), record


def _enlarged(draft: Draft, module: nn.Module) -> nn.Module:
    return module if draft.enlargement is None else draft.enlargement.apply(module)


def _random(draft: Draft, request: Request) -> WeightsRecord:
    seed_weights(draft.module, draft.enlargement.inputs if draft.enlargement else draft.inputs, request.seed)
    if draft.settle is not None:
        draft.settle(draft.module)
    absence = draft.absence
    if absence is not None:
        request.progress.warn(
            f"RANDOM WEIGHTS: {absence.said}. Latency is meaningful, accuracy is not: the model recognizes nothing. "
            "For pretrained weights connect to the hub once, or give a file: --weights FILE."
        )
    return WeightsRecord(
        kind="random",
        sha256=state_sha256(draft.module.state_dict()),
        seed=request.seed,
        fallback=absence.recorded if absence else None,
    )


def _carried(draft: Draft, request: Request) -> WeightsRecord:
    if request.weights == "pretrained" and draft.carries != "pretrained":
        raise InputError(
            f"{draft.identifier} brings its own weights; there are no pretrained ones to fetch",
            where="--weights pretrained",
            remedy="Leave --weights out to keep its own.",
        )
    return WeightsRecord(
        kind="pretrained" if draft.carries == "pretrained" else "own",
        sha256=state_sha256(draft.module.state_dict()),
        origin=draft.origin,
    )


def _from_file(draft: Draft, request: Request) -> tuple[nn.Module, WeightsRecord]:
    path = Path(request.weights)
    state = read_checkpoint(path)
    inputs = draft.inputs if draft.enlargement is None else draft.enlargement.inputs
    try:
        trained = load_fitting(draft.module, state, path.name, picture=_picture(inputs), progress=request.progress)
    except CheckpointError:
        larger = _larger(draft, state, path.name)
        if larger is None:
            raise
        return larger, WeightsRecord(kind="file", sha256=state_sha256(larger.state_dict()), origin=path.name)
    module = _enlarged(draft, trained)
    return module, WeightsRecord(kind="file", sha256=state_sha256(trained.state_dict()), origin=path.name)


def _larger(draft: Draft, state: dict[str, torch.Tensor], file_name: str) -> nn.Module | None:
    """The enlarged model with a file in it that is of that: training may have gone on at the larger size."""
    if draft.enlargement is None:
        return None
    with contextlib.suppress(CheckpointError):
        return load_fitting(draft.enlargement.apply(draft.module), state, file_name)
    return None


def _picture(inputs: tuple[InputSpec, ...]) -> tuple[int, int] | None:
    """Height and width of the first picture among the inputs."""
    shapes = [spec.shape for spec in inputs if len(spec.shape) == 4]
    return (shapes[0][2], shapes[0][3]) if shapes else None
