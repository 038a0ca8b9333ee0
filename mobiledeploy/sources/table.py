"""Every kind of source, in the order they are asked whether MODEL is theirs.

A new source is a file in `kinds`, its test, and its line here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobiledeploy.sources.kinds.factory import FactorySource
from mobiledeploy.sources.kinds.features import FeaturesSource
from mobiledeploy.sources.kinds.saved import SavedSource
from mobiledeploy.sources.kinds.torchvision import TorchvisionSource
from mobiledeploy.sources.kinds.zoo import ZooSource

if TYPE_CHECKING:
    from mobiledeploy.sources.source import Source

__all__ = ["SOURCES"]

SOURCES: tuple[Source, ...] = (
    SavedSource(),  # before the factory: a Windows path has a colon too
    TorchvisionSource(),  # before the factory: its names are written like one
    FeaturesSource(),  # likewise
    FactorySource(),
    ZooSource(),  # last: it claims every name and knows the near ones
)
