"""Which names the zoo has, and which one the user may have meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mobiledeploy.errors import UnknownModelError
from mobiledeploy.sources.own_models import own_names
from mobiledeploy.sources.timm_library import timm

if TYPE_CHECKING:
    from mobiledeploy.progress import Progress

__all__ = ["FEATURED", "featured", "known_name", "list_models"]

FEATURED = ("fastvit_*", "mobilevit_*", "mobilevitv2_*", "mixer_*", "t2t_vit_*")

CHECKPOINT = re.compile(r"\.(safetensors|pth|pt|bin|pth\.tar|ckpt)$")


def featured() -> tuple[str, ...]:
    """The names of the families this project is measured on, in natural order."""
    return list_models()


def list_models(pattern: str | None = None) -> tuple[str, ...]:
    """The names of the zoo that match a glob (`*vit*`), in natural order; without a pattern the featured families.

    A pattern with a dot (`resnet50.*`) matches names with the tags of their weights.
    """
    if pattern is None:
        return tuple(name for family in FEATURED for name in list_models(family))
    names = [*timm().list_models(pattern, include_tags="." in pattern), *own_names(pattern)]
    return tuple(sorted(names, key=_natural))


def _natural(name: str) -> list[str | int]:
    """Sorts by the value of the numbers in a name: resnet9 before resnet10. Text and numbers take turns."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name.lower())]


def known_name(identifier: str, progress: Progress) -> str:
    """The zoo's present name for `identifier`. Raises UnknownModelError offering near names."""
    architecture, _, tag = identifier.partition(".")
    if CHECKPOINT.search(identifier):
        raise UnknownModelError(
            f"`{identifier}` holds weights, not a model",
            where="MODEL",
            remedy="Name the architecture, and give the file with --weights.",
        )
    if identifier in own_names():
        return identifier
    if tag and architecture in own_names():
        raise _unknown(identifier, f"{architecture} has no weights tagged `{tag}`", (architecture,))
    deprecated = timm().models.get_deprecated_models()
    if deprecated.get(architecture):
        present = str(deprecated[architecture])
        progress.note(f"timm renamed {architecture}; it is {present} now.")
        return present
    if not timm().is_model(architecture) or architecture in deprecated:
        raise _unknown(identifier, f"no model is called `{identifier}`", near_names(architecture, list_models("*")))
    tags = [name.partition(".")[2] for name in timm().models.get_arch_pretrained_cfgs(architecture)]
    if tag and tag not in tags:
        offered = [f"{architecture}.{name}" for name in tags if name]
        raise _unknown(identifier, f"{architecture} has no weights tagged `{tag}`", tuple(offered[:8]))
    return identifier


def near_names(name: str, names: Sequence[str]) -> tuple[str, ...]:
    """Up to five of `names` that resemble `name`, the nearest first."""
    lowered = name.lower().replace("-", "_")
    return tuple(difflib.get_close_matches(lowered, names, n=5, cutoff=0.6))


def _unknown(identifier: str, what: str, offered: tuple[str, ...]) -> UnknownModelError:
    return UnknownModelError(what, where=identifier, remedy=f"Near: {', '.join(offered)}." if offered else None)
