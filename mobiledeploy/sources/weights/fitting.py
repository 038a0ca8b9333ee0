"""Loading a state dict into the model it was made for, whatever its names and whether it is fused or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from mobiledeploy.errors import CheckpointError
from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.sources.timm_library import timm
from mobiledeploy.sources.weights.names import State, renamings
from mobiledeploy.sources.weights.positions import stretched_state

__all__ = ["Mismatch", "load_fitting", "resampled"]

SHOWN = 3

# The methods by which models merge their own branches; timm's `reparameterize_model` calls them.
FUSING = ("reparameterize", "fuse", "switch_to_deploy")

# BatchNorm's counter is never read in eval mode, and many checkpoints lack it.
UNREAD = ".num_batches_tracked"


@dataclass(frozen=True)
class Mismatch:
    """What keeps a state dict from fitting a model: names, and for `misshaped` the file's and the model's shape."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshaped: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    @property
    def count(self) -> int:
        return len(self.missing) + len(self.unexpected) + len(self.misshaped)


def load_fitting(
    module: nn.Module,
    state: Mapping[str, torch.Tensor],
    file_name: str,
    *,
    picture: tuple[int, int] | None = None,
    progress: Progress = SILENT,
) -> nn.Module:
    """The model with the weights of `state` in it: `module` itself, or its fused form where the file is of a fused one.
    Position embeddings of another size are stretched, and said so, to that of `picture` (height, width in pixels).

    Raises CheckpointError that names the missing, unexpected and mis-shaped entries of the nearest reading.
    """
    nearest: tuple[Mismatch, nn.Module, State] | None = None
    for form in _forms(module):
        for candidate in renamings(dict(state), form):
            mismatch = _compared(form, candidate)
            if mismatch.count == 0:
                form.load_state_dict(candidate, strict=False)
                return form
            if nearest is None or mismatch.count < nearest[0].count:
                nearest = mismatch, form, candidate
    assert nearest is not None
    mismatch, form, candidate = nearest
    stretched = _stretched(mismatch, candidate, picture)
    if stretched is None:
        raise _misfit(mismatch, form, file_name)
    names = ", ".join(name for name, _, _ in mismatch.misshaped[:SHOWN])
    progress.note(f"{file_name} was trained at another resolution; its position embeddings are resampled ({names}).")
    form.load_state_dict(stretched, strict=False)
    return form


def resampled(module: nn.Module, trained: nn.Module, file_name: str, picture: tuple[int, int]) -> nn.Module:
    """`module`, made for `picture` (height, width), with the weights of `trained`, the same model at another size.

    Raises ValueError where more than position embeddings differs.
    """
    try:
        return load_fitting(module, trained.state_dict(), file_name, picture=picture)
    except CheckpointError as error:
        raise ValueError(error.what) from error


def _stretched(mismatch: Mismatch, state: State, picture: tuple[int, int] | None) -> State | None:
    """The state with its position embeddings stretched, where nothing else keeps it from fitting."""
    if mismatch.missing or mismatch.unexpected:
        return None
    return stretched_state(state, {name: wanted for name, _, wanted in mismatch.misshaped}, picture)


def _forms(module: nn.Module) -> Iterator[nn.Module]:
    """The module as it trains, then, where it knows how to merge its branches, as it is deployed."""
    yield module
    if any(hasattr(child, name) for child in module.modules() for name in FUSING):
        try:
            fused: nn.Module = timm().models.reparameterize_model(module)
        # somebody else's method, which the unfused form did without
        except Exception:
            return
        yield fused


def _compared(module: nn.Module, state: Mapping[str, torch.Tensor]) -> Mismatch:
    wanted = {name: tuple(value.shape) for name, value in module.state_dict().items() if hasattr(value, "shape")}
    found = {name: tuple(value.shape) for name, value in state.items()}
    both = [name for name in wanted if name in found]
    return Mismatch(
        missing=tuple(name for name in wanted if name not in found and not name.endswith(UNREAD)),
        unexpected=tuple(name for name in found if name not in wanted and not name.endswith(UNREAD)),
        misshaped=tuple((name, found[name], wanted[name]) for name in both if found[name] != wanted[name]),
    )


def _misfit(mismatch: Mismatch, module: nn.Module, file_name: str) -> CheckpointError:
    head = _other_head(mismatch, module)
    if head is not None:
        name, in_file, in_model = head
        return CheckpointError(
            f"the classifier head ({name}) of {file_name} has {in_file} classes, the model has {in_model}",
            where="--weights",
            remedy=f"Give the model {in_file} classes, in a factory: timm.create_model(NAME, num_classes={in_file}).",
        )
    parts = (
        _listed("missing", mismatch.missing),
        _listed("unexpected", mismatch.unexpected),
        _listed("of another shape", tuple(_shapes(*entry) for entry in mismatch.misshaped)),
    )
    return CheckpointError(
        f"{file_name} does not fit {type(module).__name__}: {'; '.join(part for part in parts if part)}",
        where="--weights",
        remedy="Name the architecture that the file was saved from.",
    )


def _listed(what: str, entries: tuple[str, ...]) -> str:
    if not entries:
        return ""
    more = f" … {len(entries) - SHOWN} more" if len(entries) > SHOWN else ""
    return f"{len(entries)} {what} ({', '.join(entries[:SHOWN])}{more})"


def _shapes(name: str, in_file: tuple[int, ...], in_model: tuple[int, ...]) -> str:
    return f"{name}: {list(in_file)} in the file, {list(in_model)} in the model"


def _other_head(mismatch: Mismatch, module: nn.Module) -> tuple[str, int, int] | None:
    """Name and numbers of classes, where the size of the classifier is all that differs."""
    if mismatch.missing or mismatch.unexpected or not mismatch.misshaped:
        return None
    owners = {name.rpartition(".")[0] for name, _, _ in mismatch.misshaped}
    if not owners <= _heads(module) or any(found[1:] != wanted[1:] for _, found, wanted in mismatch.misshaped):
        return None
    name, in_file, in_model = mismatch.misshaped[0]
    return name.rpartition(".")[0], in_file[0], in_model[0]


def _heads(module: nn.Module) -> set[str]:
    """The classifiers: those that timm's `pretrained_cfg` names, and the last Linear."""
    cfg = getattr(module, "pretrained_cfg", None)
    named = cfg.get("classifier") if isinstance(cfg, dict) else None
    heads = {named} if isinstance(named, str) else set(named or ())
    linears = [name for name, child in module.named_modules() if isinstance(child, nn.Linear)]
    return heads | set(linears[-1:])
