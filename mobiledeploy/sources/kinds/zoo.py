"""Architectures by name, with or without the tag of a set of weights: `fastvit_t8`, `fastvit_t8.apple_in1k`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mobiledeploy.errors import HostError, InputError
from mobiledeploy.sources.naming import file_safe
from mobiledeploy.sources.own_models import own_architecture
from mobiledeploy.sources.preprocessing import image_input
from mobiledeploy.sources.resolution import at_resolution
from mobiledeploy.sources.source import Absence, Draft, Request
from mobiledeploy.sources.timm_models import timm_architecture
from mobiledeploy.sources.weights.pretrained import PretrainedFile, find_pretrained
from mobiledeploy.sources.zoo_names import known_name

if TYPE_CHECKING:
    from mobiledeploy.sources.architecture import Architecture

__all__ = ["ZooSource"]


class ZooSource:
    """Any name that timm or this package has."""

    kind: Literal["zoo"] = "zoo"
    form = "a name of the zoo (`mobiledeploy models PATTERN` lists them)"

    def claims(self, identifier: str) -> bool:  # noqa: ARG002
        return True

    def build(self, request: Request) -> Draft:
        name = known_name(request.identifier, request.progress)
        architecture = own_architecture(name, request.seed) or timm_architecture(name, request.seed)
        file, absence = _pretrained(architecture, request)
        module, enlargement = at_resolution(architecture, request.resolution, file)
        return Draft(
            module=module,
            inputs=(image_input(architecture.cfg, request.resolution),),
            identifier=request.identifier,
            name=file_safe(request.identifier),
            architecture=architecture.title,
            carries="pretrained" if file else "nothing",
            origin=file.origin if file else None,
            absence=absence,
            license=architecture.cfg.get("license"),
            settle=architecture.settle,
            enlargement=enlargement,
        )


def _pretrained(architecture: Architecture, request: Request) -> tuple[PretrainedFile | None, Absence | None]:
    """The file of pretrained weights where they are wanted; with `auto`, else why there are none."""
    if request.weights not in ("auto", "pretrained"):
        return None, None
    try:
        return find_pretrained(architecture.name, architecture.cfg), None
    except (InputError, HostError) as error:
        if request.weights == "pretrained":
            raise
        place = architecture.cfg.get("hf_hub_id") or architecture.cfg.get("url")
        fetched = f"{place} is not in the local cache and could not be fetched"
        return None, Absence(fetched if isinstance(error, HostError) else error.what, error.what)
