"""What this machine can do, and the remedy for what it cannot.

Each finding is one small function of the machine, in the ordered table `CHECKS`. Nothing heavy is imported: versions
come from the installed distributions' metadata, and what only an import can tell is asked of a child process.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import urlsplit

__all__ = ["CHECKS", "Examination", "Finding", "Machine", "examine"]

Status = Literal["ok", "missing", "unknown"]

HUB_TIMEOUT_SECONDS = 3.0
CHILD_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Finding:
    """`remedy` is None where nothing needs to be done."""

    name: str
    status: Status
    detail: str
    remedy: str | None = None


@dataclass(frozen=True)
class Examination:
    schema: ClassVar[str] = "mobiledeploy.doctor/1"
    findings: tuple[Finding, ...]


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _ask(command: Sequence[str]) -> tuple[int, str]:
    """Exit code and everything printed; -1 and the reason where the command could not run to its end."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=CHILD_TIMEOUT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return -1, str(error)
    return done.returncode, (done.stdout + done.stderr).strip()


def _connect(host: str, port: int) -> str | None:
    """None where a TCP connection can be made, else the reason why not."""
    try:
        socket.create_connection((host, port), timeout=HUB_TIMEOUT_SECONDS).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


@dataclass(frozen=True)
class Machine:
    """Everything the checks ask of the world; the defaults ask this one."""

    output: Path = Path("exports")
    system: str = field(default_factory=platform.system)
    python: tuple[int, ...] = sys.version_info[:3]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    version: Callable[[str], str | None] = _version
    which: Callable[[str], str | None] = shutil.which
    ask: Callable[[Sequence[str]], tuple[int, str]] = _ask
    connect: Callable[[str, int], str | None] = _connect


def examine(machine: Machine | None = None) -> Examination:
    """All findings, in the order of `CHECKS`. Takes a few seconds, most of them for importing torch in a child."""
    machine = machine or Machine()
    return Examination(tuple(check(machine) for check in CHECKS))


def _python(machine: Machine) -> Finding:
    text = ".".join(map(str, machine.python))
    if machine.python < (3, 11):
        return Finding("Python", "missing", text, "Install Python 3.11 or newer.")
    return Finding("Python", "ok", text)


def _distribution(name: str) -> Callable[[Machine], Finding]:
    def check(machine: Machine) -> Finding:
        found = machine.version(name)
        if found is None:
            return Finding(name, "missing", "not installed", f"python -m pip install -c requirements.lock {name}")
        return Finding(name, "ok", found)

    return check


def _torch_pair(machine: Machine) -> Finding:
    """A torchvision built for another torch fails at import, and timm with it."""
    name = "torch with torchvision"
    if machine.version("torch") is None or machine.version("torchvision") is None:
        return Finding(name, "missing", "not both installed", "Install both under requirements.lock.")
    code, text = machine.ask([sys.executable, "-c", "import torchvision"])
    if code == 0:
        return Finding(name, "ok", "fit each other")
    reason = text.splitlines()[-1] if text else f"exit code {code}"
    return Finding(
        name, "missing", reason, "Install a torch and a torchvision from the same index: scripts/setup does."
    )


def _core_ml(machine: Machine) -> Finding:
    name = "Core ML prediction"
    if machine.system != "Darwin":
        return Finding(
            name,
            "missing",
            f"not on {machine.system}",
            "Packages are executed by mobiledeploy here; on a Mac: --runner coreml.",
        )
    if not _has_native_library("coremltools", "libcoremlpython"):
        return Finding(
            name, "missing", "coremltools lacks its native library", "Reinstall coremltools from its macOS wheel."
        )
    return Finding(name, "ok", platform.mac_ver()[0] or "macOS")


def _has_native_library(package: str, library: str) -> bool:
    spec = util.find_spec(package)
    folders = spec.submodule_search_locations or [] if spec else []
    return any(True for folder in folders for _ in Path(folder).glob(f"{library}*.so"))


def _tool(name: str, command: tuple[str, ...], remedy: str) -> Callable[[Machine], Finding]:
    """A program that tells its version when it is run as `command`."""

    def check(machine: Machine) -> Finding:
        if machine.which(command[0]) is None:
            return Finding(name, "missing", f"{command[0]} is not on the PATH", remedy)
        code, text = machine.ask(command)
        first = next((line for line in text.splitlines() if line.strip()), "")
        if code != 0:
            return Finding(name, "missing", first or f"`{' '.join(command)}` failed", remedy)
        return Finding(name, "ok", first)

    return check


def _hub(machine: Machine) -> Finding:
    name = "model hub"
    if machine.environment.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return Finding(name, "unknown", "not asked: HF_HUB_OFFLINE is set", "Unset HF_HUB_OFFLINE to download weights.")
    endpoint = machine.environment.get("HF_ENDPOINT") or "https://huggingface.co"
    hub = urlsplit(endpoint)
    if not hub.hostname:
        return Finding(name, "missing", f"HF_ENDPOINT={endpoint} is no address", "Unset HF_ENDPOINT, or correct it.")
    proxy = machine.environment.get(f"{hub.scheme}_proxy") or machine.environment.get(f"{hub.scheme}_proxy".upper())
    way = urlsplit(proxy) if proxy else hub
    reason = machine.connect(way.hostname or proxy or "", way.port or (80 if way.scheme == "http" else 443))
    if reason is None:
        return Finding(name, "ok", hub.hostname + (" through a proxy" if proxy else ""))
    remedy = "Use cached weights, a checkpoint (--weights FILE), or random ones."
    return Finding(name, "missing", f"{way.hostname}: {reason}", remedy)


def _hub_cache(machine: Machine) -> Finding:
    name = "weights cache"
    folder = _cache_folder(machine.environment)
    models = sorted(folder.glob("models--*")) if folder.is_dir() else []
    if not models:
        return Finding(
            name, "missing", f"{folder} holds no model", "The first export with pretrained weights fills it."
        )
    return Finding(name, "ok", f"{len(models)} models in {folder}")


def _cache_folder(environment: Mapping[str, str]) -> Path:
    """As huggingface_hub finds it: HF_HUB_CACHE, else HF_HOME/hub, else XDG_CACHE_HOME or ~/.cache/huggingface/hub."""
    if environment.get("HF_HUB_CACHE"):
        return Path(environment["HF_HUB_CACHE"]).expanduser()
    if environment.get("HF_HOME"):
        return Path(environment["HF_HOME"]).expanduser() / "hub"
    return Path(environment.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "huggingface" / "hub"


def _output_folder(machine: Machine) -> Finding:
    """Asks the nearest folder that exists, by writing a file there: permissions alone do not tell of full disks."""
    name = "output folder"
    folder = machine.output.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"probe")
    except OSError as error:
        return Finding(name, "missing", f"{folder}: {error.strerror}", "Choose another folder with --output DIR.")
    return Finding(name, "ok", str(machine.output))


def _photographs(machine: Machine) -> Finding:
    name = "photographs"
    sources = [found for found in ("matplotlib", "scikit-learn") if machine.version(found) is not None]
    if not sources:
        return Finding(name, "missing", "no installed package carries one", "Install matplotlib, or use --images DIR.")
    return Finding(name, "ok", "of " + " and ".join(sources))


_XCODE = "Install Xcode from the App Store; it exists for macOS only."
_SWIFT = "Install Swift from https://www.swift.org/install; it is needed for the iPhone app's tests only."

CHECKS: tuple[Callable[[Machine], Finding], ...] = (
    _python,
    _distribution("torch"),
    _distribution("torchvision"),
    _torch_pair,
    _distribution("timm"),
    _distribution("coremltools"),
    _distribution("onnx"),
    _distribution("onnxruntime"),
    _core_ml,
    _tool("Xcode", ("xcodebuild", "-version"), _XCODE),
    _tool("devicectl", ("xcrun", "devicectl", "--version"), _XCODE),
    _tool("Swift", ("swift", "--version"), _SWIFT),
    _hub,
    _hub_cache,
    _output_folder,
    _photographs,
)
