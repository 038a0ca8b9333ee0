"""A phone on a Mac's cable or network, as devicectl lists it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mobiledeploy.campaign.device_refusals import PhoneName
from mobiledeploy.campaign.devicectl import answer
from mobiledeploy.errors import HostError

__all__ = ["AttachedPhone", "attached_phones"]


@dataclass(frozen=True)
class AttachedPhone:
    """One device as devicectl lists it. `identifier`: what every call names it by. `pairing`, `tunnel`,
    `developer_mode`: the words of its listing, empty where it has none."""

    identifier: str
    udid: str
    name: str
    hardware: str
    pairing: str = ""
    tunnel: str = ""
    developer_mode: str = ""

    def demand_readiness(self) -> None:
        """Raises HostError for a phone of which the listing says that nothing will work."""
        if self.pairing not in ("", "paired"):
            remedy = (
                f"Connect it by cable, unlock it, answer Trust; or `xcrun devicectl manage pair --device {self.udid}`."
            )
            raise HostError(f"{self.name} is not paired with this Mac", where=self.udid, remedy=remedy)
        if self.tunnel == "unavailable":
            remedy = "Connect it by cable and unlock it. `xcrun devicectl list devices` shows what is there."
            raise HostError(f"{self.name} is not connected", where=self.udid, remedy=remedy)
        if self.developer_mode == "disabled":
            remedy = "Turn it on: Settings, Privacy & Security, Developer Mode (the phone restarts)."
            raise HostError(f"developer mode is off on {self.name}", where=self.udid, remedy=remedy)

    @property
    def called(self) -> PhoneName:
        return PhoneName(self.name, self.udid)


def attached_phones() -> tuple[AttachedPhone, ...]:
    """Every device that devicectl knows but Xcode's simulators. Raises HostError where there is no devicectl."""
    found = answer("list", "devices")
    try:
        return tuple(_phone(device) for device in found["devices"] if not _simulated(device))
    except (KeyError, TypeError, AttributeError) as error:
        remedy = "Update Xcode: this was written for the JSON of Xcode 15 and later."
        raise HostError(f"devicectl's list cannot be read: {error!r}", remedy=remedy) from None


def _simulated(device: dict[str, Any]) -> bool:
    return bool(device.get("hardwareProperties", {}).get("reality") == "simulated")


def _phone(device: dict[str, Any]) -> AttachedPhone:
    properties, hardware = device.get("deviceProperties", {}), device.get("hardwareProperties", {})
    connection = device.get("connectionProperties", {})
    return AttachedPhone(
        device["identifier"],
        hardware.get("udid", device["identifier"]),
        properties.get("name", device["identifier"]),
        hardware.get("productType", ""),
        _word(connection.get("pairingState")),
        _word(connection.get("tunnelState")),
        _word(properties.get("developerModeStatus")),
    )


def _word(value: object) -> str:
    """Newer documents write a case as an object of one key."""
    if isinstance(value, dict):
        return str(next(iter(value), ""))
    return value if isinstance(value, str) else ""
