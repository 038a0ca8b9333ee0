"""The directions along which linear attention measures its keys and queries."""

from __future__ import annotations

import math

import torch

__all__ = ["orthogonal_features"]


def orthogonal_features(drawn: torch.Tensor) -> torch.Tensor:
    """(m, width), m <= width, independent rows, to orthogonal rows of length √m in float32, by Gram and Schmidt.

    With exactly rounded sums (`math.fsum`), not by a library's QR: it is the same on every machine.
    """
    rows: list[list[float]] = []
    for vector in drawn.tolist():
        row = _minus_projections(_minus_projections(vector, rows), rows)  # twice is enough (Giraud et al. 2005)
        length = math.sqrt(math.fsum(x * x for x in row))
        rows.append([x / length for x in row])
    return torch.tensor([[x * math.sqrt(len(rows)) for x in row] for row in rows], dtype=torch.float32)


def _minus_projections(vector: list[float], rows: list[list[float]]) -> list[float]:
    """`vector` without its parts along the orthonormal `rows`."""
    for row in rows:
        along = math.fsum(x * y for x, y in zip(vector, row, strict=True))
        vector = [x - along * y for x, y in zip(vector, row, strict=True)]
    return vector
