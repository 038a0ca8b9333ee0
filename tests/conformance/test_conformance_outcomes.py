"""The runner on a file whose outcomes are known: nothing is counted as more than it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conformance.case import Case, read_cases

FILE = """
import os
import signal

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.testing_utils import compare_backend

X = np.linspace(1, 2, 8, dtype=np.float32)


def model(factor):
    @mb.program(input_specs=[mb.TensorSpec(shape=X.shape)])
    def program(x):
        return mb.mul(x=x, y=factor, name="y")

    # on other units the suite takes the tolerance of fp16 for everything
    return ct.convert(program, convert_to="mlprogram", compute_units=ct.ComputeUnit.CPU_ONLY)


@pytest.mark.parametrize("factor", [2.0, 2.04, 3.0])
def test_scaled(factor):
    compare_backend(model(factor), {"x": X}, {"y": 2 * X}, dtype="fp16")


def test_held_to_the_tolerance_of_float32():
    compare_backend(model(1 / 3), {"x": X}, {"y": X / 3}, dtype="fp32")


def test_predicts_only():
    model(2.0).predict({"x": X})


def test_compares_something_else():
    model(2.0).predict({"x": X})
    np.testing.assert_allclose(X, X)


def test_expects_a_difference():
    with pytest.raises(AssertionError):
        compare_backend(model(3.0), {"x": X}, {"y": 2 * X}, dtype="fp16")


def test_raises_before_it_predicts():
    raise ValueError("no such operator")


def test_is_given_what_does_not_fit():
    model(2.0).predict({"x": X[:3]})


def test_needs_another_format():
    @mb.program(input_specs=[mb.TensorSpec(shape=X.shape)])
    def program(x):
        return mb.mul(x=x, y=2.0, name="y")

    ct.convert(program, convert_to="neuralnetwork").predict({"x": X})


def test_skips():
    pytest.skip("not here")


@pytest.mark.xfail(reason="known")
def test_is_expected_to_fail():
    compare_backend(model(3.0), {"x": X}, {"y": 2 * X}, dtype="fp16")


def test_kills_its_process():
    os.kill(os.getpid(), signal.SIGKILL)


def test_comes_after_it():
    compare_backend(model(2.0), {"x": X}, {"y": 2 * X}, dtype="fp16")
"""

RUN = """
import sys
from pathlib import Path
from conformance.campaign import Campaign, run_campaign
from conformance.suites import SUITES
run_campaign(Campaign(SUITES["operators"], Path(sys.argv[1]), files=(sys.argv[2],)))
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    folder = tmp_path_factory.mktemp("outcomes")
    file = folder / "test_known.py"
    file.write_text(FILE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment["PYTHONPATH"] = str(Path(__file__).parent)
    command = [sys.executable, "-c", RUN, str(folder / "records"), str(file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return {name.partition("::")[2]: case for name, case in read_cases((folder / "records").glob("*.jsonl")).items()}


EXPECTED = {
    "test_scaled[2.0]": ("passed", ""),
    "test_scaled[2.04]": ("passed", "beyond 0.0078"),
    "test_scaled[3.0]": ("failed", "Not equal to tolerance"),
    "test_held_to_the_tolerance_of_float32": ("rounding", "Not equal to tolerance"),
    "test_predicts_only": ("nothing", "predicts, and compares no values"),
    "test_compares_something_else": ("nothing", "predicts, and compares no values"),
    "test_expects_a_difference": ("nothing", "the suite expects the prediction to differ"),
    "test_raises_before_it_predicts": ("unconverted", "no such operator"),
    "test_is_given_what_does_not_fit": ("failed", "its shape is (3,), expected (8,)"),
    "test_needs_another_format": ("skipped", "needs the neural-network format"),
    "test_skips": ("skipped", "not here"),
    "test_is_expected_to_fail": ("skipped", "expected to fail: known"),
    "test_kills_its_process": ("failed", "the process died (SIGKILL)"),
    "test_comes_after_it": ("passed", ""),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_outcome_is_what_it_is(outcomes, name) -> None:
    category, message = EXPECTED[name]
    assert outcomes[name].category == category
    assert message in outcomes[name].message


def test_every_case_has_an_outcome(outcomes) -> None:
    assert len(outcomes) == len(EXPECTED)


def test_outputs_scaled_by_two_percent_are_passed_and_not_tight(outcomes) -> None:
    scaled, exact = outcomes["test_scaled[2.04]"], outcomes["test_scaled[2.0]"]
    assert (scaled.category, scaled.tight, scaled.settled, scaled.exact) == ("passed", False, False, "beyond")
    assert (exact.tight, exact.comparisons, exact.predictions) == (True, 1, 1)


def test_rounding_is_told_from_a_fault(outcomes) -> None:
    assert outcomes["test_held_to_the_tolerance_of_float32"].exact in ("passed", "within")
