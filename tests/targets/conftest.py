"""Conversion of small programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mobiledeploy.targets.table import target_named
from mobiledeploy.targets.target import ConversionOptions

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program


@pytest.fixture
def convert(tmp_path: Path) -> Callable[..., Path]:
    """`convert(program, "coreml", precision=…)`: the path of the file or package."""

    def to_file(program: Program, target: str, **options: Any) -> Path:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        path = folder / f"net{target_named(target).suffix}"
        target_named(target).convert(program, ConversionOptions(**options), path)
        return path

    return to_file
