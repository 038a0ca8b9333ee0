"""Damaged packages of every family of operators: they run, or there is one error. Nothing crashes, hangs or grows.

Here a fixed sample. A long search, with other examples each time:

    MOBILEDEPLOY_FUZZ_EXAMPLES=20000 python -m pytest tests/fuzz/test_fuzz_packages.py --hypothesis-seed=random
"""

from __future__ import annotations

import os
import shutil
import signal
from functools import cache
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from damage import damage
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from seeds import seeds

from mobiledeploy import mil
from mobiledeploy.errors import MobileDeployError
from mobiledeploy.mil.schema import message_class

if TYPE_CHECKING:
    from mobiledeploy.mil.model import Model

SEEDS = seeds()
EXAMPLES = int(os.environ.get("MOBILEDEPLOY_FUZZ_EXAMPLES", "0"))
FUZZ = settings(
    max_examples=EXAMPLES or 400,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
SECONDS = 30


class Folder:
    """The packages of the seeds, made when they are first asked for."""

    def __init__(self, root: Path, write: Any) -> None:
        self.root = root
        self.package = cache(self._package)
        self._write = write

    def _package(self, name: str) -> tuple[Path, bytes, bytes]:
        build, inputs, opset = SEEDS[name]
        path = self._write(self.root, build, inputs, opset=opset, name=f"seed{len(list(self.root.iterdir()))}")
        weights = weight_file(path)
        return path, model_file(path).read_bytes(), weights.read_bytes() if weights.is_file() else b""


def model_file(package: Path) -> Path:
    return package / "Data" / "com.apple.CoreML" / "model.mlmodel"


def weight_file(package: Path) -> Path:
    return package / "Data" / "com.apple.CoreML" / "weights" / "weight.bin"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, write) -> Folder:
    return Folder(tmp_path_factory.mktemp("seeds"), write)


@pytest.fixture(autouse=True)
def low_limits(monkeypatch) -> None:
    """A damaged program may go to the limits, which are meant for large models and patient people."""
    monkeypatch.setattr("mobiledeploy.mil.ops.control_flow.MAX_ITERATIONS", 200)
    monkeypatch.setattr("mobiledeploy.mil.size.MAX_ELEMENTS", 2**18)
    monkeypatch.setattr("mobiledeploy.mil.size.MAX_PLACES", 2**10)
    monkeypatch.setattr("mobiledeploy.mil.size.MAX_WORK", 2**26)


def hung(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"no answer in {SECONDS} s of the processor")


def zeros(model: Model) -> dict[str, Any]:
    shapes = {feature.name: feature.shape for feature in model.inputs}
    return {
        name: np.zeros(shape if all(0 <= size < 64 for size in shape) and len(shape) < 8 else (1,), np.float32)
        for name, shape in shapes.items()
    }


def survives(package: Path) -> None:
    """It runs, or says what is wrong: any other exception fails the test, and so does waiting."""
    before = signal.signal(signal.SIGPROF, hung)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    said = ""
    try:
        model = mil.load(package)
        state = model.make_state() if model.states else None
        model.predict(zeros(model), state)
    except MobileDeployError as error:
        said = str(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    assert len(said) < 5000


def test_the_seeds_run(folder) -> None:
    for name in SEEDS:
        model = mil.load(folder.package(name)[0])
        model.predict(zeros(model), model.make_state() if model.states else None)


@FUZZ
@given(data=st.data())
def test_fields_damaged(folder, data) -> None:
    path, original, _ = folder.package(data.draw(st.sampled_from(sorted(SEEDS))))
    model = message_class("Model").FromString(original)
    for _ in range(data.draw(st.integers(1, 3))):
        damage(model, lambda count: data.draw(st.integers(0, count - 1)))
    model_file(path).write_bytes(model.SerializeToString())
    try:
        survives(path)
    finally:
        model_file(path).write_bytes(original)


@FUZZ
@given(data=st.data())
def test_bytes_damaged(folder, data) -> None:
    """Bits turned round, bytes exchanged, left out or put in, in the model and in its weights."""
    path, *files = folder.package(data.draw(st.sampled_from(sorted(SEEDS))))
    which = data.draw(st.integers(0, 1 if files[1] else 0))
    damaged = bytearray(files[which])
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, min(len(damaged), 2**12) - 1))
        action = data.draw(st.sampled_from(["flip", "set", "drop", "insert", "end"]))
        if action == "flip":
            damaged[place] ^= 1 << data.draw(st.integers(0, 7))
        elif action == "set":
            damaged[place] = data.draw(st.integers(0, 255))
        elif action == "insert":
            damaged[place:place] = data.draw(st.binary(min_size=1, max_size=9))
        else:
            del damaged[place : place + 1 if action == "drop" else None]
        damaged = damaged or bytearray(1)
    file = (model_file(path), weight_file(path))[which]
    file.write_bytes(damaged)
    try:
        survives(path)
    finally:
        file.write_bytes(files[which])


@FUZZ
@given(text=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "ignore"))))
def test_any_manifest(folder, text) -> None:
    path, *_ = folder.package("network")
    copy = folder.root / "manifest.mlpackage"
    if not copy.exists():
        shutil.copytree(path, copy)
    (copy / "Manifest.json").write_bytes(text)
    with pytest.raises(MobileDeployError):
        mil.load(copy)


@FUZZ
@given(item=st.one_of(st.text(max_size=40), st.sampled_from(["..", "/", "../..", ".", "com.apple.CoreML/weights"])))
def test_any_path_in_a_manifest(folder, item) -> None:
    import json

    path, *_ = folder.package("network")
    copy = folder.root / "paths.mlpackage"
    if not copy.exists():
        shutil.copytree(path, copy)
    document = {"itemInfoEntries": {"A": {"path": item}}, "rootModelIdentifier": "A"}
    (copy / "Manifest.json").write_text(json.dumps(document))
    with pytest.raises(MobileDeployError):
        mil.load(copy)
