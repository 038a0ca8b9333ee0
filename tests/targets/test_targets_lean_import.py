"""Packages hidden from an import, and no longer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mobiledeploy.targets.lean_import import not_installed


def test_a_hidden_package_is_as_if_not_installed_and_back_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    with not_installed("this"), pytest.raises(ImportError):
        import this  # noqa: F401
    assert "this" not in sys.modules


def test_a_loaded_package_stays() -> None:
    with not_installed("json"):
        import json
    assert sys.modules["json"] is json


def test_converting_loads_no_other_framework() -> None:
    frameworks = "('sklearn', 'tensorflow', 'xgboost', 'scipy.stats')"
    command = (
        "import sys, mobiledeploy.targets.coreml_conversion;"
        f"print([name for name in {frameworks} if name in sys.modules], 'coremltools' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("[] True\n", "")
