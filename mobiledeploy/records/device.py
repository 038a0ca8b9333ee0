"""Who measured: the device, and the app that ran on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

__all__ = ["AppIdentity", "DeviceIdentity", "DeviceKind"]

DeviceKind = Literal["phone", "mac", "simulator", "simulated"]


@dataclass(frozen=True)
class DeviceIdentity:
    """One device, as it describes itself.

    `kind`: "simulated" is a program that pretends to be a phone, "simulator" is Xcode's; neither says anything of a
    phone's speed. `hardware`: the kernel's name of the model, `hw.machine`, e.g. "iPhone13,2". `name`: what its owner
    calls it. `system`: "iOS", "macOS", "Linux". `build`: of the operating system, e.g. "22B83". `memory_bytes`:
    physical. `compute_devices`: as Core ML lists them, e.g. ("cpu", "gpu", "neuralEngine"); empty where the system
    does not tell (before iOS 17). `neural_engine_cores`: None where it does not tell.
    """

    schema: ClassVar[str] = "mobiledeploy.device/1"

    kind: DeviceKind
    hardware: str
    name: str
    system: str
    system_version: str
    build: str
    processors: int
    memory_bytes: int
    compute_devices: tuple[str, ...] = ()
    neural_engine_cores: int | None = None


@dataclass(frozen=True)
class AppIdentity:
    """The harness app. `commit`: of its sources, "unknown" where the build did not record it. `configuration`:
    latencies of a debug build are not valid. `core_ml`: the framework's version where it can be asked."""

    schema: ClassVar[str] = "mobiledeploy.app/1"

    version: str
    commit: str
    configuration: Literal["release", "debug"]
    core_ml: str | None = None
