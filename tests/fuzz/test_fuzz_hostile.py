"""Packages that ask for the machine are answered with one error: in little memory, in little time, from inside."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from confined import GROUPS
from hostile import ANY
from hostile_structure import STRUCTURE

from mobiledeploy import mil
from mobiledeploy.errors import MobileDeployError

HERE = Path(__file__).resolve().parent
# the confined processes are told of 512 MiB; half as much again is room for what is freed late
PEAK_MEBIBYTES = 768


@pytest.mark.parametrize("group", GROUPS)
def test_a_hostile_package_is_one_error_within_its_limits(group) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    command = [sys.executable, "confined.py", group]
    found = subprocess.run(
        command, cwd=HERE, env=environment | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, check=True
    )
    outcomes = json.loads(found.stdout)
    assert outcomes.keys() == GROUPS[group].keys()
    assert {name: outcome for name, outcome in outcomes.items() if not outcome["expected"]} == {}
    assert {name: o["peak"] for name, o in outcomes.items() if o["peak"] > PEAK_MEBIBYTES} == {}
    answers = {name: outcome["error"] for name, outcome in outcomes.items()}
    assert {name: answer for name, answer in answers.items() if not fits(GROUPS[group][name][1], answer)} == {}


def fits(pattern: str | None, answer: str | None) -> bool:
    """Whether the answer to a package is the expected one: an error that the pattern finds, or none at all."""
    if pattern is None or answer is None:
        return answer is pattern or pattern == ANY
    return len(answer) < 1000 and re.search(pattern, answer) is not None


@pytest.mark.parametrize("name", STRUCTURE)
def test_what_no_converter_would_write_is_one_error(tmp_path, monkeypatch, name) -> None:
    monkeypatch.setattr("mobiledeploy.mil.size.MAX_ELEMENTS", 2**20)
    make, pattern = STRUCTURE[name]
    answer = None
    package = make(tmp_path)
    try:
        model = mil.load(package)
        model.predict({feature.name: np.zeros(feature.shape, np.float32) for feature in model.inputs})
    except MobileDeployError as error:
        answer = str(error)
    assert fits(pattern, answer), answer
