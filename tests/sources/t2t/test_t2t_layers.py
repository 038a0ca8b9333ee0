"""The layers of T2T-ViT against their formulas, written out here, in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mobiledeploy.sources.t2t.random_features import orthogonal_features
from mobiledeploy.sources.t2t.sinusoids import sinusoids
from mobiledeploy.sources.t2t.soft_split import SoftSplit
from mobiledeploy.sources.t2t.token_performer import TokenPerformer
from mobiledeploy.sources.t2t.token_transformer import TokenTransformer
from mobiledeploy.sources.t2t.tokens_to_token import TokensToToken

# float64, sums of a few hundred terms
EXACT = 1e-12


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(3)


@pytest.mark.parametrize(("kernel", "stride", "padding", "size"), [(7, 4, 2, (16, 24)), (3, 2, 1, (7, 4))])
def test_a_soft_split_gives_the_patches_row_by_row(kernel, stride, padding, size) -> None:
    picture = torch.rand(2, 3, *size)
    split = SoftSplit(kernel, stride, padding)
    padded = torch.nn.functional.pad(picture, (padding,) * 4)
    rows, columns = split.grid(*size)
    expected = [
        padded[:, :, y * stride : y * stride + kernel, x * stride : x * stride + kernel].flatten(1)
        for y in range(rows)
        for x in range(columns)
    ]
    assert torch.equal(split(picture), torch.stack(expected, dim=1))


def test_the_three_splits_of_a_wide_picture_keep_its_shape() -> None:
    module = TokensToToken(TokenTransformer, width=32)
    assert module.grid(64, 96) == (4, 6)
    assert module(torch.rand(2, 3, 64, 96)).shape == (2, 24, 32)


def test_tokens_are_laid_out_as_the_picture_was() -> None:
    """A picture that only changes from row to row gives tokens that are alike along each row, away from its edges."""
    module = TokensToToken(TokenPerformer, width=8).eval().double()
    picture = torch.arange(64.0, dtype=torch.float64).reshape(1, 1, 64, 1).expand(1, 3, 64, 128) / 64
    with torch.no_grad():
        tokens = module(picture).reshape(4, 8, 8)
    inner = tokens[:, 2:-2]
    assert torch.allclose(inner, inner[:, :1].expand_as(inner), rtol=0, atol=1e-6)
    assert (inner[0] - inner[2]).abs().max() > 1e-3


def test_linear_attention_weighs_values_by_positive_random_features() -> None:
    """The estimate of Choromanski et al., equation 5, token by token."""
    module = TokenPerformer(wide=10, narrow=6).double()
    tokens = torch.rand(1, 5, 10, dtype=torch.float64)
    with torch.no_grad():
        found = module(tokens)[0].numpy()
        key, query, value = module.kqv(module.norm1(tokens))[0].numpy().reshape(5, 3, 6).transpose(1, 0, 2)
    w = module.w.numpy()

    def features(x):
        return np.array([math.exp(w[i] @ x - x @ x / 2) / math.sqrt(3) for i in range(3)])

    weights = np.array([[features(q) @ features(k) for k in key] for q in query])
    attended = (weights @ value) / (weights.sum(axis=1, keepdims=True) + 1e-8)
    with torch.no_grad():
        narrow = torch.from_numpy(value) + module.proj(torch.from_numpy(attended))
        expected = (narrow + module.mlp(module.norm2(narrow))).numpy()
    assert np.abs(found - expected).max() < EXACT


def test_the_random_features_estimate_softmax_attention() -> None:
    """exp(q·k) is their expected value: the mean over many features comes near it (5 % with 4096 of them)."""
    module = TokenPerformer(wide=4, narrow=4)
    module.features = 4096
    module.w = torch.nn.Parameter(torch.randn(4096, 4), requires_grad=False)
    query, key = 0.5 * torch.randn(1, 1, 4), 0.5 * torch.randn(1, 1, 4)
    estimate = (module._positive(query) * module._positive(key)).sum()
    assert float(estimate) == pytest.approx(math.exp(float((query * key).sum())), rel=0.05)


def test_the_token_transformer_attends_with_the_scale_of_its_wide_input() -> None:
    module = TokenTransformer(wide=12, narrow=4).double()
    tokens = torch.rand(1, 5, 12, dtype=torch.float64)
    with torch.no_grad():
        query, key, value = module.attn.qkv(module.norm1(tokens))[0].split(4, dim=-1)
        weights = torch.softmax(query @ key.t() / math.sqrt(12), dim=-1)
        narrow = value + module.attn.proj(weights @ value)
        expected = narrow + module.mlp(module.norm2(narrow))
        assert (module(tokens)[0] - expected).abs().max() < EXACT


def test_sinusoids_by_hand() -> None:
    table = sinusoids(3, 4)
    assert (table.shape, table.dtype) == ((1, 3, 4), torch.float32)
    # frequencies 1 and 1/100: 10000^(2/4)
    expected = [math.sin(2.0), math.cos(2.0), math.sin(0.02), math.cos(0.02)]
    assert table[0, 2].tolist() == pytest.approx(expected, abs=1e-7)
    assert table[0, 0].tolist() == [0.0, 1.0, 0.0, 1.0]


def test_features_are_orthogonal_and_as_long_as_their_number_says() -> None:
    rows = orthogonal_features(torch.rand(32, 64)).double()
    assert torch.allclose(rows @ rows.t(), 32 * torch.eye(32, dtype=torch.float64), rtol=0, atol=1e-5)


def test_features_keep_the_first_direction_that_was_drawn() -> None:
    drawn = torch.rand(4, 8)
    rows = orthogonal_features(drawn)
    assert torch.allclose(rows[0], 2.0 * drawn[0] / drawn[0].norm(), atol=1e-6)
