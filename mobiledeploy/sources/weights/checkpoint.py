"""A file of weights becomes a plain state dict, without ever running what is in it.

`torch.load` is only called with `weights_only=True`: a pickle that names anything but tensors and plain containers is
refused, not executed.
"""

from __future__ import annotations

import argparse
import pickle
import pickletools
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mobiledeploy.errors import CheckpointError

__all__ = ["read_checkpoint", "state_of"]

# Where training scripts put the state dict, the averaged weights first, as timm does (timm/models/_helpers.py).
WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model")

REMEDY = "It must be a state dict saved as .safetensors, or with torch.save as .pth, .pt, .pth.tar or .bin."


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """The state dict in a file, out of whatever a training script wrapped around it; the names as they are in there.

    Raises CheckpointError where the file is missing, unreadable, damaged, would run code, or holds no weights.
    """
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder, not a checkpoint", where="--weights", remedy=REMEDY)
    if not path.is_file():
        raise CheckpointError(
            f"no file is there: {path}",
            where="--weights",
            remedy="Give `auto`, `pretrained`, `random`, or the path of a checkpoint.",
        )
    if path.stat().st_size == 0:
        raise CheckpointError(f"{path.name} is empty", where=str(path), remedy="Fetch the file again.")
    try:
        document = _safetensors(path) if _is_safetensors(path) else _pickled(path)
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be read: {error}", where=str(path), remedy=REMEDY) from error
    return state_of(document, path)


def _is_safetensors(path: Path) -> bool:
    """By what the file says, not by its name: eight bytes of length, then the brace of a JSON header."""
    with path.open("rb") as file:
        head = file.read(9)
    return path.suffix == ".safetensors" or (head[8:9] == b"{" and head[:2] != b"PK")


def _safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise CheckpointError(
            f"{path.name} is damaged, or no safetensors file: {_one_line(error)}",
            where=str(path),
            remedy="Fetch the file again.",
        ) from error


def _pickled(path: Path) -> Any:
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_plain_data()):
            warnings.simplefilter("ignore")  # of how an old file was written
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refused(path, error) from error
    except OSError:
        raise
    # torch's readers raise whatever a damaged file makes them stumble over
    except Exception as error:
        raise CheckpointError(
            f"{path.name} is damaged, or no checkpoint: {_one_line(error)}", where=str(path), remedy=REMEDY
        ) from error


def _plain_data() -> list[Any]:
    """What training scripts save beside the weights and what is only data: their arguments, and NumPy's numbers."""
    scalar = np.float64(0).__reduce__()[0]
    return [
        argparse.Namespace,
        np.dtype,
        scalar,
        (scalar, "numpy.core.multiarray.scalar"),  # its name before NumPy 2
        *{type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64, np.bool_)},
    ]


def _refused(path: Path, error: pickle.UnpicklingError) -> CheckpointError:
    needed = _forbidden(path, str(error))
    if not needed:
        return CheckpointError(f"{path.name} is damaged, or no checkpoint", where=str(path), remedy=REMEDY)
    return CheckpointError(
        f"{path.name} would run code when it is loaded ({', '.join(needed[:3])}), so it was not loaded",
        where=str(path),
        remedy="Save the weights alone, as .safetensors: safetensors.torch.save_file(model.state_dict(), FILE).",
    )


def _forbidden(path: Path, message: str) -> list[str]:
    """What the pickle would call beyond tensors and plain data, without executing it: from the list of a zip file, from
    torch's message for its older format, from the instructions of a bare pickle."""
    if zipfile.is_zipfile(path):
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
    named = re.findall(r"GLOBAL ([\w.]+)", message)
    return list(dict.fromkeys(named)) or sorted(_called(path))


def _called(path: Path) -> set[str]:
    """The globals of a bare pickle; none where the file is no pickle to its end."""
    called, texts = set(), [""]
    try:
        with path.open("rb") as file:
            for instruction, argument, _ in pickletools.genops(file):
                if instruction.name == "GLOBAL":
                    called.add(str(argument).replace(" ", "."))
                elif instruction.name == "STACK_GLOBAL":
                    called.add(".".join(texts[-2:]))
                elif isinstance(argument, str):
                    texts.append(argument)
    except ValueError:
        return set()
    return called


def state_of(document: Any, path: Path) -> dict[str, torch.Tensor]:
    """The state dict inside what a training script saved. Raises CheckpointError where there is none."""
    if not isinstance(document, Mapping):
        raise CheckpointError(
            f"{path.name} holds {_kind(document)}, not a state dict",
            where=str(path),
            remedy="Save `model.state_dict()`.",
        )
    for wrapper in WRAPPERS:
        inner = document.get(wrapper)
        if isinstance(inner, Mapping) and inner:
            return state_of(inner, path)
    state = {str(name): value for name, value in document.items() if isinstance(value, torch.Tensor)}
    if not state:
        found = ", ".join(str(name) for name in list(document)[:5]) or "nothing"
        raise CheckpointError(f"{path.name} holds no weights; it holds: {found}", where=str(path), remedy=REMEDY)
    return state


def _kind(value: Any) -> str:
    return "a whole model" if isinstance(value, torch.nn.Module) else f"an object of type {type(value).__name__}"


def _one_line(error: Exception) -> str:
    """The first sentence: torch goes on with advice that does not fit here."""
    return (" ".join(str(error).split()).partition(". ")[0] or type(error).__name__)[:160]
