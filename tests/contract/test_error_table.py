"""Every wrong input that somebody thought of: its exit code, one exact message, nothing written, no traceback.

The real command line runs in this process, in a folder of wrong and right things; nothing but the full disk is played.
"""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from coremltools.proto.Model_pb2 import Model
from error_rows import ROWS, TINY
from PIL import Image

from mobiledeploy.cli import main

FACTORIES = Path(__file__).with_name("error_factories.py").read_text(encoding="utf-8")


class Hostile:
    """What runs when a careless program unpickles it."""

    def __reduce__(self):
        return os.mkdir, ("pwned",)


def state(**changes: torch.Tensor | None) -> dict[str, torch.Tensor]:
    whole = {
        "conv.weight": torch.zeros(8, 3, 3, 3),
        "conv.bias": torch.zeros(8),
        "head.weight": torch.zeros(4, 8),
        "head.bias": torch.zeros(4),
    }
    changed = whole | {name.replace("_", "."): value for name, value in changes.items()}
    return {name: value for name, value in changed.items() if value is not None}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once; every row gets it as its current folder, and must leave it as it found it."""
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "models.py").write_text(FACTORIES)
    (folder / "broken.py").write_text("def factory(:\n")
    (folder / "program.pt2").write_bytes(b"no program")
    torch.save(state(), folder / "good.pth")
    whole = (folder / "good.pth").read_bytes()
    (folder / "corrupt.pth").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.pth").write_bytes(b"")
    (folder / "hostile.pth").write_bytes(pickle.dumps(Hostile()))
    torch.save({"state_dict": state(), "extra": Hostile()}, folder / "hostile_zip.pth")
    torch.save(state(head_bias=None, neck_bias=torch.zeros(4), conv_bias=torch.zeros(9)), folder / "mismatched.pth")
    (folder / "torn.safetensors").write_bytes(b"\xff" * 64)
    (folder / "a_file").write_text("no folder\n")
    (folder / "a_folder").mkdir()
    (folder / "picture.png").write_text("no picture\n")
    (folder / "labels3.txt").write_text("one\ntwo\nthree\n")
    (folder / "labels.bin").write_bytes(b"\xff\xfe\x00")
    (folder / "blank.txt").write_text("\n\n")
    (folder / "bad_pictures").mkdir()
    (folder / "bad_pictures" / "cat.png").write_text("no picture\n")
    Image.new("RGB", (48, 48), (200, 120, 40)).save(folder / "good.png")
    np.save(folder / "good.npy", np.zeros(2))
    np.savez(folder / "good.npz", z=np.zeros(2))
    _write_other_models(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["export", "models.py:Tiny", "--output", "right", "--name", "tiny"]) == 0
    for name in ("damaged", "cut"):
        shutil.copytree(folder / "right" / "tiny", folder / name)
    weights = next((folder / "damaged").rglob("model.mlmodel"))
    weights.write_bytes(weights.read_bytes()[:-7])
    (folder / "cut" / "manifest.json").write_text('{"schema": "mobiledeploy.manifest/1"')
    return folder


def _write_other_models(folder: Path) -> None:
    """What is no ML Program, and what only looks like a package."""
    (folder / "zipped.zip").write_bytes(b"PK\x03\x04" + bytes(40))
    for name in ("compiled.mlmodelc", "empty.mlpackage", "around/inner.mlpackage"):
        (folder / name).mkdir(parents=True)
    network, trees, networks = Model(), Model(), Model()
    network.neuralNetwork.SetInParent()
    trees.treeEnsembleClassifier.SetInParent()
    networks.pipeline.models.append(network)
    for name, model in (("network", network), ("trees", trees), ("networks", networks)):
        (folder / f"{name}.mlmodel").write_bytes(model.SerializeToString())


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file and folder below, hidden ones too."""
    found = {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
    return {
        path.relative_to(folder).as_posix(): data for path, data in found.items() if "__pycache__" not in path.parts
    }


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("MOBILEDEPLOY_DEBUG", raising=False)


def test_the_table_has_at_least_25_rows() -> None:
    assert len({row.arguments for row in ROWS}) == len(ROWS) >= 25


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.arguments)
def test_one_message_and_nothing_written(row, workspace, monkeypatch, capfd) -> None:
    monkeypatch.chdir(workspace)
    before = contents(workspace)
    code = main(row.arguments.split())
    printed = capfd.readouterr()
    (message,) = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert row.fits(message), message
    assert code == row.code
    assert printed.err.count("  remedy: ") == 1
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert contents(workspace) == before


def test_a_hostile_checkpoint_runs_nothing(workspace) -> None:
    """The rows above have read it; what it would have made is not there."""
    assert not (workspace / "pwned").exists()


def test_a_full_disk_is_one_message_and_nothing_stays(workspace, monkeypatch, capfd) -> None:
    def full(reference, path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.chdir(workspace)
    monkeypatch.setattr("mobiledeploy.parity.reference.save", full)
    before = contents(workspace)
    assert main(TINY.split()) == 2
    printed = capfd.readouterr()
    assert printed.err.count("error:") == 1
    assert "No space left on device" in printed.err
    assert contents(workspace) == before


def test_an_error_in_json_is_one_document(workspace, monkeypatch, capfd) -> None:
    monkeypatch.chdir(workspace)
    assert main([*TINY.split(), "--json", "--weights", "mismatched.pth"]) == 2
    document = json.loads(capfd.readouterr().out)["error"]
    assert (document["kind"], document["exit_code"]) == ("CheckpointError", 2)
    assert document["remedy"]
