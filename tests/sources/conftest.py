"""What the tests of sources share: an ear for what is said, and a hub that nobody reaches by accident."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest


@dataclass
class Ear:
    """A Progress that keeps what it is told."""

    steps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def step(self, label: str) -> None:
        self.steps.append(label)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> pytest.MonkeyPatch:
    """An empty cache, and offline unless a test says otherwise."""
    from huggingface_hub import constants
    from torch import hub as torch_hub

    cache = tmp_path_factory.mktemp("hub")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(torch_hub, "_hub_dir", str(cache / "torch"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return monkeypatch
