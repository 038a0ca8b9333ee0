"""Parameters that say where a token stands, saved for one size of picture, stretched for another.

timm does this for most of its architectures when it loads a file; this is for the others, and for models that are not
timm's. Bicubic and antialiased over the grid of tokens, as timm does (timm/layers/pos_embed.py,
`resample_abs_pos_embed`) after Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021, section 3.2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import torch
from torch.nn.functional import interpolate

__all__ = ["POSITIONAL", "stretched_state"]

# Names of position embeddings and of biases between positions.
POSITIONAL = re.compile(r"pos|relative|rel_|attention_bias|rope")

# A class token and a distillation token may stand before the tokens of the grid.
PREFIXES = (0, 1, 2)

Shape = tuple[int, ...]


def stretched_state(
    state: Mapping[str, torch.Tensor], misshaped: Mapping[str, Shape], picture: tuple[int, int] | None
) -> dict[str, torch.Tensor] | None:
    """`state` with the entries of `misshaped` (name to the shape that the model wants) stretched to that shape, or None
    where one of them is not positional, or its shapes are not those of two grids.

    `picture`: height and width of the model's, square where it is None; the state's is taken to be square.
    """
    stretched = dict(state)
    for name, wanted in misshaped.items():
        value = _stretched(state[name], wanted, picture or (1, 1)) if POSITIONAL.search(name) else None
        if value is None and "rel" in name:
            value = _stretched_line(state[name], wanted)
        if value is None:
            return None
        stretched[name] = value
    return stretched


def _stretched(value: torch.Tensor, wanted: Shape, picture: tuple[int, int]) -> torch.Tensor | None:
    if value.ndim != len(wanted) or not value.is_floating_point():
        return None
    changed = [axis for axis, (old, new) in enumerate(zip(value.shape, wanted, strict=True)) if old != new]
    if len(changed) == 1:
        return _along(value, changed[0], wanted[changed[0]], picture)
    if len(changed) == 2 and changed[1] == changed[0] + 1:
        rows, columns = changed
        old, new = (value.shape[rows], value.shape[columns]), (wanted[rows], wanted[columns])
        if old[0] == old[1] and _is_shaped(new, picture):
            return _resampled(value.flatten(rows, columns), rows, 0, old, new).reshape(wanted)
    return None


def _stretched_line(value: torch.Tensor, wanted: Shape) -> torch.Tensor | None:
    """(2 n - 1, width): the offsets of n rows or columns among themselves, linearly, as MViTv2 does (timm/models/
    mvitv2.py and the `get_rel_pos` of its authors)."""
    if value.ndim != 2 or len(wanted) != 2 or value.shape[1] != wanted[1] or value.shape[0] % 2 + wanted[0] % 2 < 2:
        return None
    line = interpolate(value.t()[None].float(), size=wanted[0], mode="linear", align_corners=False)
    return line[0].t().to(value.dtype).contiguous()


def _along(value: torch.Tensor, axis: int, length: int, picture: tuple[int, int]) -> torch.Tensor | None:
    """One axis that runs row by row over a grid, after a few tokens that have no place."""
    for prefix in PREFIXES:
        side = math.isqrt(max(value.shape[axis] - prefix, 0))
        grid = _grid(length - prefix, picture)
        if side > 1 and side * side == value.shape[axis] - prefix and grid is not None:
            return _resampled(value, axis, prefix, (side, side), grid)
    return None


def _grid(tokens: int, picture: tuple[int, int]) -> tuple[int, int] | None:
    """The rows and columns whose shape is nearest to the picture's."""
    aspect = picture[0] / picture[1]
    pairs = [(rows, tokens // rows) for rows in range(1, tokens + 1) if tokens % rows == 0]
    nearest = min(pairs, key=lambda pair: abs(math.log(pair[0] / pair[1] / aspect)), default=(0, 1))
    return nearest if _is_shaped(nearest, picture) else None


def _is_shaped(grid: tuple[int, int], picture: tuple[int, int]) -> bool:
    """Whether rows and columns are in the proportion of height and width, up to rounding: 3 x 3 of 5 x 6 halved."""
    return abs(grid[0] - grid[1] * picture[0] / picture[1]) < 1


def _resampled(value: torch.Tensor, axis: int, prefix: int, old: tuple[int, int], new: tuple[int, int]) -> torch.Tensor:
    """The grid along `axis` after `prefix` entries, of `old` rows and columns, at `new` ones."""
    lines = value.movedim(axis, -1)
    grid = lines[..., prefix:].reshape(-1, 1, *old).float()
    fine = interpolate(grid, size=new, mode="bicubic", antialias=True, align_corners=False).to(value.dtype)
    flat = fine.reshape(*lines.shape[:-1], math.prod(new))
    return torch.cat((lines[..., :prefix], flat), dim=-1).movedim(-1, axis).contiguous()
