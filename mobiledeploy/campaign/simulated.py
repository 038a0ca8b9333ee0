"""Simulated phones: `harness-cli` on this machine. What they report is marked for ever."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mobiledeploy.errors import HostError

__all__ = ["SimulatedPhones"]

_STOP_SECONDS = 5.0
_TOLD = 400


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
