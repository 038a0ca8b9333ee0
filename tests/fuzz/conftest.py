"""The maker of packages that the tests of the executor use, for the fuzzing."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def write() -> Callable[..., Any]:
    """`write_package` of tests/mil/conftest.py."""
    place = Path(__file__).resolve().parent.parent / "mil" / "conftest.py"
    spec = importlib.util.spec_from_file_location("packages_for_fuzzing", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.write_package
