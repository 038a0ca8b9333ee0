"""Where models come from: the zoo, the user's code, saved programs; and the weights inside them."""

from mobiledeploy.sources.resolve import resolve
from mobiledeploy.sources.source import ModelSource
from mobiledeploy.sources.zoo_names import featured, list_models

__all__ = ["ModelSource", "featured", "list_models", "resolve"]
