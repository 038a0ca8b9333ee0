"""The feature maps of a model of timm's, as the backbone of something else: `fastvit_t8:features`.

    image ──▶ stem ──▶ stage ──▶ stage ──▶ stage ──▶ (head left out)
                         │         │         │
                     feature_0  feature_1  feature_2

Which maps these are is timm's own choice (`timm.create_model(name, features_only=True)`); the weights are those of the
whole model, whichever were asked for.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from mobiledeploy.errors import InputError
from mobiledeploy.sources.kinds.zoo import ZooSource
from mobiledeploy.sources.naming import file_safe
from mobiledeploy.sources.source import Draft, Enlargement, Request
from mobiledeploy.sources.timm_library import timm
from mobiledeploy.sources.timm_models import quiet

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FeatureMaps", "FeaturesSource"]

_FORM = re.compile(r"([A-Za-z]\w*)(\.\w+)?:features")


class FeatureMaps(nn.Module):
    """`backbone` gives a list of maps; they get stable names. Each is (N, C, H, W) or, of some models, (N, H, W, C)."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        maps: Iterable[torch.Tensor] = self.backbone(image)
        return {f"feature_{index}": value for index, value in enumerate(maps)}


class FeaturesSource:
    """`NAME:features` for every name that timm has."""

    kind: Literal["features"] = "features"
    form = "`NAME:features`"

    def claims(self, identifier: str) -> bool:
        found = _FORM.fullmatch(identifier)
        return found is not None and bool(timm().is_model(found[1]))

    def build(self, request: Request) -> Draft:
        name = request.identifier.rpartition(":")[0]
        draft = ZooSource().build(replace(request, identifier=name))
        if draft.enlargement is not None:
            raise InputError(
                f"the feature maps of {name} are to be had at its own resolution only",
                where="--resolution",
                remedy="Leave --resolution out.",
            )
        # A look before the weights are in, so that what cannot be had is said at once.
        _backbone(name, draft.module, request)
        return replace(
            draft,
            identifier=request.identifier,
            name=file_safe(request.identifier),
            architecture=f"feature maps of {draft.architecture}",
            enlargement=Enlargement(draft.inputs, lambda whole: FeatureMaps(_backbone(name, whole, request))),
        )


def _backbone(name: str, whole: nn.Module, request: Request) -> nn.Module:
    """timm's feature extractor with the weights of the `whole` model."""
    arguments = {} if request.resolution is None or not _is_made_for_a_size(name) else {"img_size": request.resolution}
    overlay = {"state_dict": whole.state_dict()}
    with quiet(), _unlogged():
        try:
            backbone: nn.Module = timm().create_model(
                name, features_only=True, pretrained=True, pretrained_cfg_overlay=overlay, **arguments
            )
        # Every family of timm's says in its own way that it has none.
        except Exception as error:
            raise InputError(
                f"timm gives no feature maps of {name}: {' '.join(str(error).split())[:200] or type(error).__name__}",
                where=request.identifier,
                remedy="Write a factory that returns the maps you want.",
            ) from error
    return backbone.eval()


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """timm warns of the head's weights, which it has no use for."""
    logger = logging.getLogger("timm")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _is_made_for_a_size(name: str) -> bool:
    registered = timm().get_pretrained_cfg(name)
    return bool(registered and registered.to_dict().get("fixed_input_size"))
