"""Models at another resolution, whatever timm's flags say of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from mobiledeploy.errors import InputError
from mobiledeploy.sources.architecture import Architecture
from mobiledeploy.sources.resolution import at_resolution


class AnySize(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, 4, 4, stride=4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.proj(x).mean((2, 3))


class Positioned(AnySize):
    """Made for one size: a position embedding for each patch of 4x4 pixels."""

    patch_size = 4

    def __init__(self, size: tuple[int, int] = (8, 8)) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.rand(1, 4, size[0] // 4, size[1] // 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.proj(x) + self.pos_embed).mean((2, 3))


class Tabulated(AnySize):
    """A weight for each patch that is neither a linear map nor positional."""

    def __init__(self, size: tuple[int, int] = (8, 8)) -> None:
        super().__init__()
        self.gate = nn.LayerNorm((size[0] // 4, size[1] // 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gate(self.proj(x)).mean((2, 3))


class Weighted(AnySize):
    """A linear map over tokens, after which tokens do not count alike: the last one is the output."""

    def __init__(self, size: tuple[int, int] = (8, 8)) -> None:
        super().__init__()
        tokens = size[0] // 4 * (size[1] // 4)
        self.mix = nn.Linear(tokens, tokens)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed = self.mix(self.proj(x).flatten(2))
        return mixed * torch.arange(1.0, mixed.shape[2] + 1) @ torch.ones(mixed.shape[2])


def architecture(make: Callable[..., nn.Module], *, fixed: bool, sized: bool) -> Architecture:
    """`fixed`: what timm's flag says. `sized`: whether it can be made for a size."""

    def create(file: object, resolution: tuple[int, int] | None) -> nn.Module:
        if resolution is None:
            return make()
        if not sized:
            raise TypeError("an unexpected keyword argument 'img_size'")
        if file is not None:
            raise ValueError("pos_embed is of another kind")
        return make(resolution)

    cfg = {"input_size": (3, 8, 8), "fixed_input_size": fixed}
    return Architecture(name="net", title="net", cfg=cfg, create=create)


TAKEN = [
    ("any size", AnySize, False, False),
    ("any size, though the flag denies it", AnySize, True, False),
    ("made for it", Positioned, True, True),
    ("made for it, though the flag does not say that it must be", Positioned, False, True),
]


@pytest.mark.parametrize(("_what", "make", "fixed", "sized"), TAKEN, ids=[what for what, *_ in TAKEN])
def test_a_size_that_the_model_takes_in_one_way_or_the_other(_what, make, fixed, sized) -> None:
    module, enlargement = at_resolution(architecture(make, fixed=fixed, sized=sized), (16, 12), None)
    assert enlargement is None
    with torch.no_grad():
        assert module(torch.zeros(1, 3, 16, 12)).shape == (1, 4)


FILE = object()

REFUSED = [
    ("no way to make it", Positioned, False, None, "It takes 8x8."),
    ("a rest", Positioned, True, None, "It takes multiples of 4x4."),
    (
        "pretrained weights of another kind",
        Positioned,
        True,
        FILE,
        "Its pretrained weights cannot be resampled (pos_embed",
    ),
]


@pytest.mark.parametrize(("what", "make", "sized", "file", "remedy"), REFUSED, ids=[what for what, *_ in REFUSED])
def test_a_size_that_it_does_not_take_is_refused_with_the_reason(what, make, sized, file, remedy) -> None:
    size = (18, 12) if what == "a rest" else (16, 12)
    with pytest.raises(InputError) as caught:
        at_resolution(architecture(make, fixed=True, sized=sized), size, file)
    assert caught.value.what == f"net does not take {size[0]}x{size[1]}"
    assert caught.value.where == "--resolution"
    assert (caught.value.remedy or "").startswith(remedy)


NOT_ENLARGED = [
    ("no linear map", Tabulated, "gate is a LayerNorm. It takes 8x8."),
    ("more than maps over tokens", Weighted, "It is more than maps over tokens. It takes 8x8."),
]


@pytest.mark.parametrize(("_what", "make", "remedy"), NOT_ENLARGED, ids=[what for what, *_ in NOT_ENLARGED])
def test_what_is_not_enlarged_by_copies_on_the_diagonal_is_refused(_what, make, remedy) -> None:
    torch.manual_seed(0)
    module, enlargement = at_resolution(architecture(make, fixed=True, sized=True), (16, 16), None)
    assert enlargement is not None
    with pytest.raises(InputError) as caught:
        enlargement.apply(module)
    assert (caught.value.remedy or "").startswith(remedy)
