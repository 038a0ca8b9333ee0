"""Importing timm: takes 1.4 s, so it happens when a model asks for it, and fails with a sentence."""

from __future__ import annotations

import functools
from types import ModuleType

from mobiledeploy.errors import MobileDeployError

__all__ = ["timm"]


@functools.cache
def timm() -> ModuleType:
    """The timm package. Raises MobileDeployError where it cannot be imported.

    timm imports torchvision, and a torchvision built for another torch fails then and there, with a RuntimeError
    ("operator torchvision::nms does not exist") or an unresolved symbol, not with an ImportError alone.
    """
    try:
        import timm as library
        import timm.models
    except Exception as error:
        raise _broken(error) from error
    module: ModuleType = library
    return module


def _broken(error: Exception) -> MobileDeployError:
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    if "torchvision" in str(error) and not isinstance(error, ModuleNotFoundError):
        return MobileDeployError(
            f"torch and torchvision do not fit together: {reason}",
            where="import timm",
            remedy="Install a matching pair: `pip install --upgrade torch torchvision`, from one package index.",
        )
    return MobileDeployError(
        f"timm cannot be imported: {type(error).__name__}: {reason}",
        where="import timm",
        remedy="Install it again: `pip install --upgrade --force-reinstall timm`.",
    )
