"""Simulated phones: `harness-cli`, built from ios_harness, on this machine. What they report is marked for ever."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mobiledeploy.errors import HostError

__all__ = ["CLI_VARIABLE", "SimulatedPhones", "harness_cli"]

CLI_VARIABLE = "MOBILEDEPLOY_HARNESS_CLI"
_PACKAGE = Path(__file__).resolve().parents[2] / "ios_harness"
_BUILD_SECONDS = 1800.0
_STOP_SECONDS = 5.0
_TOLD = 400


def harness_cli(package: Path = _PACKAGE) -> Path:
    """The program: what the variable MOBILEDEPLOY_HARNESS_CLI names, else what was built in the checkout, else built
    now. Raises HostError where there is none and none can be built."""
    named = os.environ.get(CLI_VARIABLE)
    if named is not None:
        if os.access(named, os.X_OK) and Path(named).is_file():
            return Path(named)
        raise HostError(
            f"{CLI_VARIABLE} names no program: {named}", where=CLI_VARIABLE, remedy=f"Unset {CLI_VARIABLE}."
        )
    for configuration in ("release", "debug"):
        built = package / ".build" / configuration / "harness-cli"
        if os.access(built, os.X_OK):
            return built
    return _build(package)


def _build(package: Path) -> Path:
    swift = shutil.which("swift")
    if swift is None or not (package / "Package.swift").is_file():
        missing = "the checkout's ios_harness is not here" if swift else "Swift is not installed"
        remedy = f"Install Swift (swift.org), work in a checkout, or name a built harness-cli in {CLI_VARIABLE}."
        raise HostError(f"there is no simulated phone: {missing}", where="--device simulated", remedy=remedy)
    command = [swift, "build", "-c", "release", "--product", "harness-cli", "--package-path", str(package)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise HostError("building harness-cli took too long", where=str(package), remedy=" ".join(command)) from None
    if done.returncode != 0:
        tail = (done.stdout + done.stderr).strip()[-_TOLD:]
        raise HostError(f"harness-cli does not build: {tail}", where=str(package), remedy=" ".join(command))
    return package / ".build" / "release" / "harness-cli"


class SimulatedPhones:
    """So many of them as processes, while it lasts. `tokens`: one for each. `folder`: where they keep what they have
    paired and fetched; what an earlier run left there is used again."""

    def __init__(self, program: Path, address: str, tokens: Sequence[str], folder: Path) -> None:
        self._program = program
        self._address = address
        self._tokens = tokens
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        for number, token in enumerate(self._tokens, 1):
            state = self._folder / f"phone-{number}"
            state.mkdir(parents=True, exist_ok=True)
            command = [str(self._program), "simulate", "--host", self._address, "--token", token]
            command += ["--state", str(state), "--name", f"simulated phone {number}"]
            with (state / "log.txt").open("wb") as log:
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
            self._processes.append(process)
        return self

    def check(self) -> None:
        """Raises HostError when all of them have ended: nobody is left to do the jobs."""
        if all(process.poll() is not None for process in self._processes):
            log = self._folder / "phone-1" / "log.txt"
            tail = log.read_text(encoding="utf-8", errors="replace").strip()[-_TOLD:]
            code = self._processes[0].returncode
            remedy = f"{log} has all of it; the same command goes on with what is left."
            raise HostError(f"the simulated phones ended (exit code {code}): {tail}", where=str(log), remedy=remedy)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
