"""`harness-cli`, built from ios_harness: a simulated phone on Linux, real Core ML on a Mac."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from mobiledeploy.errors import HostError

__all__ = ["CLI_VARIABLE", "harness_cli", "mac_program"]

CLI_VARIABLE = "MOBILEDEPLOY_HARNESS_CLI"
_PACKAGE = Path(__file__).resolve().parents[2] / "ios_harness"
_BUILD_SECONDS = 1800.0
_GIT_SECONDS = 10.0
_TOLD = 400


def harness_cli(told: Callable[[str], None], package: Path = _PACKAGE) -> Path:
    """The program that plays a phone: what the variable MOBILEDEPLOY_HARNESS_CLI names, else what was built in the
    checkout, else built now, which is told. Raises HostError where there is none and none can be built."""
    named = _named()
    if named is not None:
        return named
    for configuration in ("release", "debug"):
        built = package / ".build" / configuration / "harness-cli"
        if os.access(built, os.X_OK):
            return built
    return _build(package, "--device simulated", "Install Swift (swift.org)", told)


def mac_program(told: Callable[[str], None], package: Path = _PACKAGE) -> tuple[Path, Mapping[str, str]]:
    """The program that measures on this Mac, and the environment variables that it is to be run with.

    It is what MOBILEDEPLOY_HARNESS_CLI names, else a release build of the sources as they are now: what is quoted of a
    Mac must not come from a debug build or an old one. The commit of the sources goes with it into every report.
    Raises HostError on another system, and where it cannot be built.
    """
    if not _on_mac():
        remedy = "Use --device lan with a phone, or --device simulated for a trial without one."
        raise HostError("Core ML runs on a Mac only", where="--device mac", remedy=remedy)
    named = _named()
    if named is not None:
        return named, {}
    program = _build(package, "--device mac", "Install Xcode, or `xcode-select --install`", told)
    commit = _commit(package)
    return program, {"MOBILEDEPLOY_COMMIT": commit} if commit else {}


def _on_mac() -> bool:
    return sys.platform == "darwin"


def _named() -> Path | None:
    named = os.environ.get(CLI_VARIABLE)
    if named is None or (os.access(named, os.X_OK) and Path(named).is_file()):
        return None if named is None else Path(named)
    raise HostError(f"{CLI_VARIABLE} names no program: {named}", where=CLI_VARIABLE, remedy=f"Unset {CLI_VARIABLE}.")


def _build(package: Path, device: str, install: str, told: Callable[[str], None]) -> Path:
    swift = shutil.which("swift")
    if swift is None or not (package / "Package.swift").is_file():
        missing = "the checkout's ios_harness is not here" if swift else "Swift is not installed"
        remedy = f"{install}, work in a checkout, or name a built harness-cli in {CLI_VARIABLE}."
        raise HostError(f"there is no harness-cli: {missing}", where=device, remedy=remedy)
    told("building harness-cli, which takes minutes the first time and seconds later")
    command = [swift, "build", "-c", "release", "--product", "harness-cli", "--package-path", str(package)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        what = f"building harness-cli took more than {_BUILD_SECONDS:g} s"
        raise HostError(what, where=str(package), remedy=f"By hand: {' '.join(command)}") from None
    if done.returncode != 0:
        tail = (done.stdout + done.stderr).strip()[-_TOLD:]
        what = f"harness-cli does not build: {tail}"
        raise HostError(what, where=str(package), remedy=f"By hand: {' '.join(command)}")
    return package / ".build" / "release" / "harness-cli"


def _commit(package: Path) -> str:
    """Of the sources, with `-dirty` where they were changed since; empty where git does not tell."""
    command = ["git", "-C", str(package), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
