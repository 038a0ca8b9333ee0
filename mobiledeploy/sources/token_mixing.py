"""Models whose weights belong to the number of patches (MLP-Mixer, ResMLP, gMLP), on larger pictures.

Tolstikhin et al., "MLP-Mixer: An all-MLP Architecture for Vision", 2021, arXiv:2105.01601, appendix C: a picture that
is K times as large is split into K x K pictures of the old size, and the linear maps over tokens become block-diagonal,

    W (out, S)   ──▶   diag(W, …, W) (K² out, K² S)          b (out,)   ──▶   (b, …, b)

so that at first each of these pictures is processed independently, as the trained model does. The paper orders the
tokens picture by picture; a model numbers them row by row over all, so rows and columns of diag are permuted here:

    row by row    0  1 | 2  3        split 2 x 2   0: 0 1 4 5     1: 2 3 6 7
                  4  5 | 6  7
                  ─────┼─────
                  8  9 | 10 11                     2: 8 9 12 13   3: 10 11 14 15
                 12 13 | 14 15
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

__all__ = ["Splitting", "enlarged", "tiles_agree", "token_maps"]

# A float32 forward of a few dozen layers, against the peak of the outputs; a wrong order of tokens is off by 1e-1.
AGREEMENT = 1e-3


@dataclass(frozen=True)
class Splitting:
    """A larger picture as `times` (rows, columns) pictures, each of `grid` (rows, columns) tokens."""

    grid: tuple[int, int]
    times: tuple[int, int]

    @property
    def parts(self) -> int:
        return math.prod(self.times)

    def tokens(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Per token of the larger picture, row by row: its part, and its number within that part."""
        (rows, columns), (down, across) = self.grid, self.times
        row = torch.arange(rows * down)[:, None].expand(-1, columns * across)
        column = torch.arange(columns * across)[None].expand(rows * down, -1)
        part = row // rows * across + column // columns
        return part.flatten(), (row % rows * columns + column % columns).flatten()

    def hidden(self, width: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The same of hidden features, which may stand in any order: part by part."""
        features = torch.arange(self.parts * width)
        return features // width, features % width


def token_maps(trained: nn.Module, resized: nn.Module) -> dict[str, tuple[bool, bool]]:
    """The modules of `trained` whose parameters have other shapes in `resized`, the same model made for a larger
    picture: by name, whether outputs and inputs are tokens.

    Raises ValueError naming a module that is no linear map, which nobody has said how to enlarge.
    """
    shapes = {name: value.shape for name, value in trained.named_parameters()}
    changed = {name for name, value in resized.named_parameters() if shapes.get(name) != value.shape}
    maps = {}
    for owner in sorted({name.rpartition(".")[0] for name in changed}):
        old, new = trained.get_submodule(owner), resized.get_submodule(owner)
        if not isinstance(old, nn.Linear) or not isinstance(new, nn.Linear):
            raise ValueError(f"{owner} is a {type(old).__name__}")
        maps[owner] = (old.out_features != new.out_features, old.in_features != new.in_features)
    return maps


def enlarged(trained: nn.Module, resized: nn.Module, splitting: Splitting) -> nn.Module:
    """`resized` with the weights of `trained`, its maps over tokens block-diagonal, in place.

    Raises ValueError where a map's tokens are not those of `splitting`, RuntimeError where other weights do not fit.
    """
    maps = token_maps(trained, resized)
    for name, sides in maps.items():
        old = trained.get_submodule(name)
        assert isinstance(old, nn.Linear)
        parent, _, attribute = name.rpartition(".")
        setattr(resized.get_submodule(parent), attribute, _block_diagonal(old, sides, splitting))
    rest = {key: value for key, value in trained.state_dict().items() if key.rpartition(".")[0] not in maps}
    missing, unexpected = resized.load_state_dict(rest, strict=False)
    foreign = [key for key in [*missing, *unexpected] if key.rpartition(".")[0] not in maps]
    if foreign:
        raise RuntimeError(f"weights without a counterpart: {', '.join(foreign[:3])}")
    return resized


def _block_diagonal(old: nn.Linear, sides: tuple[bool, bool], splitting: Splitting) -> nn.Linear:
    """The map of every part by itself, between tokens row by row or hidden features part by part."""
    widths = old.out_features, old.in_features
    (out_part, out_index), (in_part, in_index) = (
        _numbered(width, is_tokens, splitting) for width, is_tokens in zip(widths, sides, strict=True)
    )
    new = nn.Linear(len(in_index), len(out_index), bias=old.bias is not None)
    with torch.no_grad():
        same_part = out_part[:, None] == in_part[None, :]
        new.weight.copy_(old.weight[out_index][:, in_index] * same_part)
        if old.bias is not None:
            new.bias.copy_(old.bias[out_index])
    return new


def _numbered(width: int, is_tokens: bool, splitting: Splitting) -> tuple[torch.Tensor, torch.Tensor]:
    if not is_tokens:
        return splitting.hidden(width)
    if width != math.prod(splitting.grid):
        raise ValueError(f"{width} tokens are no grid of {splitting.grid[0]}x{splitting.grid[1]}")
    return splitting.tokens()


def tiles_agree(trained: nn.Module, larger: nn.Module, picture: torch.Tensor, times: tuple[int, int]) -> bool:
    """Whether `larger` says of a picture (N, C, H, W) laid out `times` over what `trained` says of it once, as a model
    does that averages over tokens and knows no places. Both are left in eval mode."""
    trained.eval(), larger.eval()
    with torch.no_grad():
        expected, found = trained(picture), larger(picture.repeat(1, 1, *times))
    if not isinstance(expected, torch.Tensor) or found.shape != expected.shape:
        return False
    return bool((found - expected).abs().max() <= AGREEMENT * expected.abs().max())
