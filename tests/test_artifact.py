"""An exported folder is whole or absent, whatever happens while it is written; damage is found when it is opened."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mobiledeploy import artifact, folder_swap
from mobiledeploy.artifact import file_hashes, open_artifact, write_artifact
from mobiledeploy.errors import InternalError, MobileDeployError, OutputError, PackageError
from mobiledeploy.records import (
    ExportOptions,
    GraphCost,
    InputSpec,
    Manifest,
    RewriteLog,
    SourceRecord,
    WeightsRecord,
    codec,
)

COST = GraphCost(operators=1, macs=1, bytes=1)
MANIFEST = Manifest(
    name="net",
    source=SourceRecord("zoo", "net", "net", "net", 1, WeightsRecord("own", "0" * 64)),
    options=ExportOptions(),
    inputs=(InputSpec("image", (1, 3, 4, 4)),),
    outputs=("logits",),
    capture="torch.export",
    rewrite=RewriteLog(before=COST, after=COST, rules=(), relative_error=0.0),
    parity=(),
    versions={},
    files={},
)
FILES = {"net.mlpackage/Data/weight.bin": b"weights", "net.onnx": b"graph", "reference.npz": b"arrays"}


def fill(folder: Path, version: bytes = b"") -> None:
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content + version)
    (folder / "manifest.json").write_text(codec.dumps(replace(MANIFEST, files=file_hashes(folder))), encoding="utf-8")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["exchange", "rename pair"])
def swap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to replace a folder: in one step, and where the file system cannot do that."""
    if request.param == "rename pair":
        monkeypatch.setattr(folder_swap, "exchange", lambda one, other: False)
    return str(request.param)


def test_writes_a_folder_and_nothing_else(tmp_path: Path, swap: str) -> None:
    final = write_artifact(tmp_path / "a" / "b", "net", fill)
    assert final == tmp_path / "a" / "b" / "net"
    assert names(final.parent) == ["net"]
    assert names(final) == ["manifest.json", "net.mlpackage", "net.onnx", "reference.npz"]


def test_replaces_an_older_export_as_a_whole(tmp_path: Path, swap: str) -> None:
    write_artifact(tmp_path, "net", lambda folder: (fill(folder), (folder / "old").touch())[0])
    final = write_artifact(tmp_path, "net", lambda folder: fill(folder, b" 2"))
    assert names(tmp_path) == ["net"]
    assert (final / "net.onnx").read_bytes() == b"graph 2"
    assert not (final / "old").exists()


def test_the_folder_is_as_readable_as_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        final = write_artifact(tmp_path, "net", fill)
    finally:
        os.umask(before)
    assert final.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt(), OSError(errno.EBADF, "other")])
def test_a_failing_build_leaves_things_as_they_were(tmp_path: Path, failure: BaseException) -> None:
    def build(folder: Path) -> None:
        fill(folder, b" 2")
        raise failure

    with pytest.raises(type(failure)):
        write_artifact(tmp_path / "new" / "exports", "net", build)
    assert names(tmp_path) == []
    final = write_artifact(tmp_path, "net", fill)
    with pytest.raises(type(failure)):
        write_artifact(tmp_path, "net", build)
    assert names(tmp_path) == ["net"]
    assert (final / "net.onnx").read_bytes() == b"graph"


def test_a_build_without_manifest_is_a_bug_of_ours(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match=r"wrote no manifest\.json"):
        write_artifact(tmp_path, "net", lambda folder: None)
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", ".hidden", "a\0b"])
def test_a_name_that_is_no_folder_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot name a folder"):
        write_artifact(tmp_path, name, fill)


def _sources(final: Path) -> None:
    final.mkdir()
    (final / "main.py").touch()


def _web_application(final: Path) -> None:
    final.mkdir()
    (final / "manifest.json").write_text('{"name": "shop"}')


def _link(final: Path) -> None:
    (final.parent / "elsewhere").mkdir()
    final.symlink_to(final.parent / "elsewhere")


@pytest.mark.parametrize("make", [_sources, _web_application, _link, Path.touch])
def test_what_we_did_not_make_is_never_replaced(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "net")
    before = names(tmp_path)
    with pytest.raises(OutputError, match="exists and was not made by mobiledeploy"):
        write_artifact(tmp_path, "net", fill)
    assert names(tmp_path) == before


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    assert names(write_artifact(tmp_path, "net", fill)) == [
        "manifest.json",
        "net.mlpackage",
        "net.onnx",
        "reference.npz",
    ]


@pytest.mark.parametrize("output", ["file", "file/below", "file/far/below"])
def test_an_output_at_or_below_a_file_is_refused(tmp_path: Path, output: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write") as caught:
        write_artifact(tmp_path / output, "net", fill)
    assert caught.value.remedy == "A file stands where a folder is needed: give another one with --output."
    assert names(tmp_path) == ["file"]


def test_a_file_larger_than_the_system_allows_is_an_output_error(tmp_path: Path) -> None:
    """EFBIG is the one refusal in the middle of a write that can be had for real without another file system."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
    try:
        with pytest.raises(OutputError, match="File too large") as caught:
            write_artifact(tmp_path / "out", "net", lambda folder: fill(folder, bytes(1 << 17)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.remedy == "Free some space there, or give another folder with --output."
    assert names(tmp_path) == []


REFUSALS = {
    errno.ENOSPC: "Free some space there, or give another folder with --output.",
    errno.EACCES: "Give a folder that you may write to with --output.",
    errno.EROFS: "Give a folder that you may write to with --output.",
    errno.EIO: "Give another folder with --output, or another --name.",
}


def failing_once(original: Callable[..., object], number: int, code: int) -> Callable[..., object]:
    """`original`, whose call number `number` raises OSError `code`."""
    calls = iter(range(1_000_000))

    def refusing(*arguments: object, **keywords: object) -> object:
        if next(calls) == number:
            raise OSError(code, os.strerror(code))
        return original(*arguments, **keywords)

    return refusing


@pytest.mark.parametrize("code", REFUSALS)
@pytest.mark.parametrize("function", ["mkdir", "fsync", "rename", "open"])
def test_a_refusal_at_any_step_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, code: int
) -> None:
    """The first call of a system function fails, then the second, and so on until an export comes through."""
    original = getattr(os, function)
    caught: list[MobileDeployError] = []
    for number in range(100):
        output = tmp_path / str(number)
        with monkeypatch.context() as patch:
            patch.setattr(os, function, failing_once(original, number, code))
            try:
                write_artifact(output, "net", fill)
            except OutputError as error:
                caught.append(error)
            else:
                break
        assert not output.exists()
    assert {error.remedy for error in caught} == {REFUSALS[code]}
    open_artifact(output / "net")


def test_another_files_refusal_is_not_blamed_on_the_output(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/etc/weights.pth")

    with pytest.raises(PermissionError):
        write_artifact(tmp_path, "net", build)


def test_the_leftovers_of_ended_processes_are_swept_and_those_of_living_ones_are_not(tmp_path: Path) -> None:
    dead = tmp_path / ".net.01234567.partial"
    other = tmp_path / ".net2.01234567.partial"
    for folder in (dead, other):
        (folder / "weights").mkdir(parents=True)
    with folder_swap.partial_folder(tmp_path, "net") as living:
        write_artifact(tmp_path, "net", fill)
        assert names(tmp_path) == sorted([living.name, ".net2.01234567.partial", "net"])


def test_a_crash_between_the_two_renames_is_mended_by_whoever_comes_next(tmp_path: Path) -> None:
    for step in (lambda: open_artifact(tmp_path / "net"), lambda: write_artifact(tmp_path, "net", fill)):
        final = write_artifact(tmp_path, "net", fill)
        final.rename(tmp_path / ".net.01234567.old")
        step()
        assert names(tmp_path) == ["net"]
        open_artifact(final)


def test_a_rename_pair_that_fails_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    final = write_artifact(tmp_path, "net", fill)
    original = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if self.suffix == ".partial":
            raise OSError(errno.EIO, "I/O error")
        return original(self, target)

    monkeypatch.setattr(folder_swap, "exchange", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OutputError, match="I/O error"):
        write_artifact(tmp_path, "net", lambda folder: fill(folder, b" 2"))
    assert names(tmp_path) == ["net"]
    assert (final / "net.onnx").read_bytes() == b"graph"


EXPORTER = """
import sys
from pathlib import Path
from mobiledeploy import folder_swap
from mobiledeploy.artifact import write_artifact
output, first, count, swap = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
if swap == "rename pair":
    folder_swap.exchange = lambda one, other: False
def build(folder):
    for part in range(8):
        (folder / str(part)).write_text(version)
    (folder / "manifest.json").write_text('{"schema": "mobiledeploy.manifest/1"}')
for number in range(first, first + count):
    version = str(number)
    write_artifact(output, "net", build)
    print("once" if number == first else "again", flush=True)
"""


def exporter(output: Path, first: int, count: int, swap: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", EXPORTER, str(output), str(first), str(count), swap]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def versions_of(final: Path) -> set[str]:
    return {(final / str(part)).read_text() for part in range(8)}


def test_killed_at_any_moment_it_leaves_one_whole_folder(tmp_path: Path, swap: str) -> None:
    moments = random.Random(0)
    for round_ in range(1, 21):
        process = exporter(tmp_path, round_ * 1_000_000, 1_000_000, swap)
        assert process.stdout is not None
        assert process.stdout.readline() == "once\n"
        time.sleep(moments.uniform(0.0, 0.03))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        folder_swap.recover(tmp_path, "net")
        (version,) = versions_of(tmp_path / "net")
        assert int(version) >= round_ * 1_000_000
    exporter(tmp_path, 0, 1, swap).communicate()
    assert names(tmp_path) == ["net"]


def test_two_exports_at_once_do_not_mix(tmp_path: Path, swap: str) -> None:
    processes = [exporter(tmp_path, first, 40, swap) for first in (0, 1000, 2000)]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert len(versions_of(tmp_path / "net")) == 1
    assert names(tmp_path) == ["net"]


@pytest.mark.parametrize("inside", [".", "net.onnx", "manifest.json", "net.mlpackage"])
def test_opens_the_folder_or_what_is_in_it(tmp_path: Path, inside: str) -> None:
    final = write_artifact(tmp_path, "net", fill)
    opened = open_artifact(final / inside)
    assert opened.folder == final
    assert opened.manifest.name == "net"
    assert opened.targets == (final / "net.mlpackage", final / "net.onnx")
    assert opened.reference == final / "reference.npz"


def test_hashes_cover_every_file_but_the_manifest_in_order(tmp_path: Path) -> None:
    fill(tmp_path)
    assert list(file_hashes(tmp_path)) == ["net.mlpackage/Data/weight.bin", "net.onnx", "reference.npz"]
    assert file_hashes(tmp_path)["net.onnx"] == "eef93e1d14482804277fca0172464032d1a4fdbcc338524059fa1e861454ad4d"


def _flip_a_bit(final: Path) -> None:
    (final / "net.mlpackage/Data/weight.bin").write_bytes(b"Weights")


def _remove_a_file(final: Path) -> None:
    (final / "net.onnx").unlink()


def _point_outside(final: Path) -> None:
    document = json.loads((final / "manifest.json").read_text())
    document["files"] = {"../secret": "0"}
    (final / "manifest.json").write_text(json.dumps(document))


def _truncate_the_manifest(final: Path) -> None:
    text = (final / "manifest.json").read_text()
    (final / "manifest.json").write_text(text[: len(text) // 2])


DAMAGES = [
    (_flip_a_bit, "`net.mlpackage/Data/weight.bin` is not what was exported: its SHA-256 differs"),
    (_remove_a_file, "`net.onnx` is missing"),
    (_point_outside, "the manifest names `../secret`, which is no file of this folder"),
    (_truncate_the_manifest, "not valid JSON"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_damage_is_named(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    final = write_artifact(tmp_path, "net", fill)
    damage(final)
    with pytest.raises(PackageError) as caught:
        open_artifact(final)
    assert caught.value.what.startswith(message)
    assert caught.value.remedy == "Export the model again."


def test_without_verification_the_contents_are_not_read(tmp_path: Path) -> None:
    final = write_artifact(tmp_path, "net", fill)
    _flip_a_bit(final)
    assert open_artifact(final, verify=False).targets[0] == final / "net.mlpackage"


@pytest.mark.parametrize(
    ("path", "message"), [("none", "does not exist"), ("", "no exported model at"), ("f", "no exported")]
)
def test_what_is_no_export_cannot_be_opened(tmp_path: Path, path: str, message: str) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(PackageError, match=message):
        open_artifact(tmp_path / path)


def test_opening_imports_nothing_heavy() -> None:
    command = (
        "import sys, mobiledeploy.artifact; print([m for m in ('torch', 'numpy', 'coremltools') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
    assert artifact.__all__ == [
        "MANIFEST",
        "PROOF",
        "REFERENCE",
        "Artifact",
        "file_hashes",
        "open_artifact",
        "write_artifact",
    ]
