"""A small run of benchmarks/host_stress.py: phones that die, requests that are cut, a host that is killed with -9."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "host_stress.py"


@pytest.fixture
def host_stress(monkeypatch):
    spec = importlib.util.spec_from_file_location("host_stress", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "host_stress", module)
    spec.loader.exec_module(module)
    return module


def test_every_job_is_reported_exactly_once(host_stress, store, tmp_path) -> None:
    counts = host_stress.stress(phones=6, jobs=5, kills=2, seed=3, seconds=180, folder=tmp_path, store=store)
    assert counts["kills of the host"] == 2
    assert counts["requests cut"] > 0.05 * counts["requests"]
    assert counts["deaths of phones"] > 0
