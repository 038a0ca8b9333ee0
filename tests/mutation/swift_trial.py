"""Running tests of the Swift package with one of its files broken, in a copy that is built anew for each mistake."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from mutant import PHONE, TESTS, Mutant
from trial import Outcome

__all__ = ["PackageCopy", "UnsoundPackageError"]

_BUILD_SECONDS, _TEST_SECONDS = 1800, 120  # the tests of one target take a few seconds
_MOST_KILOBYTES = 8 << 20  # addresses of a test process: one that never ends must not take the machine with it
_LEFT_OUT = shutil.ignore_patterns(".build", ".swiftpm", "*.xcodeproj")


class UnsoundPackageError(Exception):
    """The package does not build, or its tests fail, without any mistake."""


class PackageCopy:
    """A context manager: the sources, and the golden documents beside them, where nobody else works. `scratch`: a
    folder to build in, kept for the next time; None for a temporary one."""

    def __init__(self, scratch: Path | None = None) -> None:
        self._place = Path(tempfile.mkdtemp(prefix="swift-mutation-"))
        # the compiler's caches name the sources by path
        self._root = self._place if scratch is None else scratch.resolve()
        self._package = self._root / "ios_harness"

    def __enter__(self) -> Self:
        for source, copy in ((PHONE.package, self._package), (TESTS / "golden", self._root / "tests" / "golden")):
            _mirror(source, copy)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        shutil.rmtree(self._place, ignore_errors=True)

    def must_be_sound(self, tests: Sequence[str]) -> None:
        """Raises UnsoundPackageError where these tests fail as it is."""
        code, output = self._build()
        if code != 0:
            raise UnsoundPackageError(f"the package does not build:\n{output[-2000:]}")
        code, output = self._test(tests)
        if code != 0:
            issue = _first(output, "recorded an issue") or output[-2000:]
            raise UnsoundPackageError(f"tests fail without a mistake: {issue}")

    def trial(self, mutant: Mutant, source: str) -> Outcome:
        """The outcome of the mutant's tests where its file has the text `source`. What does not build shows nothing."""
        file = self._package / "Sources" / f"{mutant.module}.swift"
        whole, started = file.read_text(encoding="utf-8"), time.monotonic()
        file.write_text(source, encoding="utf-8")
        try:
            code, output = self._build()
            if code != 0:
                return Outcome("unclear", _first(output, "error:"), time.monotonic() - started)
            code, output = self._test(mutant.found_tests)
        finally:
            file.write_text(whole, encoding="utf-8")
        return _judge(code, output, time.monotonic() - started)

    def _build(self) -> tuple[int | None, str]:
        return _run(["swift", "build", "--build-tests", *self._where()], _BUILD_SECONDS)

    def _test(self, tests: Sequence[str]) -> tuple[int | None, str]:
        filters = [argument for name in tests for argument in ("--filter", f"^{name}[./]")]
        command = ["bash", "-c", f'ulimit -v {_MOST_KILOBYTES} 2>/dev/null; exec "$0" "$@"', "swift", "test"]
        return _run([*command, "--skip-build", *self._where(), *filters], _TEST_SECONDS)

    def _where(self) -> tuple[str, ...]:
        return ("--package-path", str(self._package), "--scratch-path", str(self._root / "build"))


def _mirror(source: Path, copy: Path) -> None:
    """Files that have not changed keep their time, so that they are not compiled again."""
    known = {path.relative_to(copy) for path in copy.rglob("*") if path.is_file()} if copy.is_dir() else set()
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "copy"
        shutil.copytree(source, fresh, ignore=_LEFT_OUT)
        files = {path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()}
        for name in files:
            if name not in known or (copy / name).read_bytes() != (fresh / name).read_bytes():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(fresh / name, copy / name)
    for name in known - files:
        (copy / name).unlink()


def _run(command: Sequence[str], seconds: float) -> tuple[int | None, str]:
    """Exit code, None where it had to be ended with all that it had started, and what it said."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        env=os.environ | {"SWIFT_BACKTRACE": "enable=no"},  # it takes seconds, and nobody reads it
    )
    try:
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        _end_session(process.pid)
        output, _ = process.communicate()
        return None, output


def _end_session(leader: int) -> None:
    """SwiftPM gives what it starts process groups of their own."""
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.Error):
            if os.getsid(process.pid) == leader:
                process.kill()


def _judge(code: int | None, output: str, seconds: float) -> Outcome:
    """A failure counts whatever hangs or ends after it. A precondition that does not hold ends all tests: that is
    noticed, too."""
    marks = ("recorded an issue", "Precondition failed:", "Fatal error:")
    failed = next((line for mark in marks if (line := _first(output, mark))), "")
    if failed and code != 0:
        return Outcome("caught", failed, seconds)
    if code is None:
        return Outcome("hung", f"after {_TEST_SECONDS} s", seconds)
    if code == 0:
        ran = "Test run with" in output and "Test run with 0 tests" not in output
        return Outcome("survived" if ran else "unclear", output[-300:], seconds)
    return Outcome("crashed" if "signal" in output else "unclear", output[-300:], seconds)


def _first(output: str, mark: str) -> str:
    return next((line.strip() for line in output.splitlines() if mark in line), "")
