"""`mobiledeploy models`: names to be read by people and by pipes."""

from __future__ import annotations

import json

import pytest

from mobiledeploy import sources

NAMES = ("fastvit_s12", "fastvit_t8")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    patterns: list[str | None] = []

    def list_models(pattern: str | None) -> tuple[str, ...]:
        patterns.append(pattern)
        return NAMES if pattern != "*nothing*" else ()

    monkeypatch.setattr(sources, "list_models", list_models)
    return patterns


def test_one_name_per_line_and_nothing_else(command, asked) -> None:
    outcome = command("models", "fastvit_*")
    assert (outcome.code, outcome.out) == (0, "fastvit_s12\nfastvit_t8\n")
    assert asked == ["fastvit_*"]


def test_a_word_matches_anywhere_in_a_name(command, asked) -> None:
    assert command("models", "vit").code == 0
    assert asked == ["*vit*"]


def test_the_source_decides_without_a_pattern(command, asked) -> None:
    assert command("models").code == 0
    assert asked == [None]


def test_json(command, asked) -> None:
    assert json.loads(command("models", "--json").out) == {"models": list(NAMES)}


def test_a_pattern_that_matches_nothing_is_refused(command, asked) -> None:
    outcome = command("models", "nothing")
    assert (outcome.code, outcome.out) == (2, "")
    assert "no model of the zoo matches `nothing`" in outcome.err
