"""Numbers and verdicts in words."""

from __future__ import annotations

import math

import pytest

from mobiledeploy.records import OutputParity, WeightsRecord
from mobiledeploy.report.wording import amount, decibels, ranking_word, ratio, weights_sentence


@pytest.mark.parametrize(
    ("psnr", "word"),
    [(61.55, "61.5 dB"), (math.inf, "equal"), (-math.inf, "-inf dB"), (math.nan, "nan dB"), (0.0, "0.0 dB")],
)
def test_decibels(psnr, word):
    assert decibels(psnr) == word


@pytest.mark.parametrize(
    ("count", "word"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00 k"),
        (12_345, "12.3 k"),
        (704_200_000, "704 M"),
        (1_814_000_000, "1.81 G"),
        (53_000_000_000_000, "53000 G"),
    ],
)
def test_amounts(count, word):
    assert amount(count) == word


@pytest.mark.parametrize(("value", "word"), [(None, "-"), (0.0, "0"), (1.26e-15, "1.3e-15"), (math.inf, "inf")])
def test_ratios(value, word):
    assert ratio(value) == word


@pytest.mark.parametrize(
    ("top1", "decides", "word"),
    [
        (None, True, "-"),
        (True, True, "equal"),
        (True, False, "equal"),
        (False, True, "differs"),
        (False, False, "undecided"),
    ],
)
def test_rankings(top1, decides, word):
    assert ranking_word(OutputParity("s", "y", 1, 1, 1, 1, top1=top1, margin_decides=decides)) == word


@pytest.mark.parametrize(("share", "word"), [(1.0, "100.00% of pixels"), (0.99999, "99.99% of pixels")])
def test_a_map_of_classes_agrees_in_so_many_pixels_and_never_rounds_up_to_all(share, word):
    assert ranking_word(OutputParity("s", "y", 1, 1, 1, 1, pixels=share)) == word


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        (WeightsRecord("pretrained", "ab" * 32, "timm/x"), "pretrained, timm/x (sha256 abababababab)"),
        (WeightsRecord("random", "ab" * 32, seed=3), "RANDOM, seed 3 (sha256 abababababab)"),
        (WeightsRecord("file", "ab" * 32, "x.pth"), "from the file x.pth (sha256 abababababab)"),
        (WeightsRecord("own", "ab" * 32), "the model's own (sha256 abababababab)"),
    ],
)
def test_weights(weights, sentence):
    assert weights_sentence(weights) == sentence
