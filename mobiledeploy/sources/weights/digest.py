"""The hash that names a model's weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch

__all__ = ["state_sha256"]


def state_sha256(state: Mapping[str, object]) -> str:
    """SHA-256 over the entries of a state dict, sorted by name: name, dtype and shape as one line of text, then the
    raw little-endian bytes in row-major order. Entries that are no tensor (extra state) count by their `repr`.
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name]
        if not isinstance(value, torch.Tensor):
            digest.update(f"{name} {value!r}\n".encode())
            continue
        digest.update(f"{name} {str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}\n".encode())
        tensor = value.detach().to("cpu").contiguous()
        if tensor.numel():
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
