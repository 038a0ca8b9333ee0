"""What devicectl says when a phone, its owner or Xcode stands in the way, as what is wrong and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mobiledeploy.campaign.app_build import build_command

__all__ = ["SOME_PHONE", "PhoneName", "Refusal", "refusal_of"]


@dataclass(frozen=True)
class PhoneName:
    """What people call a phone, and what Apple does."""

    name: str
    udid: str


SOME_PHONE = PhoneName("the phone", "UDID")


@dataclass(frozen=True)
class Refusal:
    """`signs`: a pattern over all that devicectl printed, whatever its case. `what`, `remedy`: with `{phone}` and
    `{udid}` for the phone, and `{build}` for the command that builds the app for it."""

    signs: str
    what: str
    remedy: str


_DEVELOPER_MODE = "Settings, Privacy & Security, Developer Mode (the phone restarts)"

# CoreDevice nests its errors: the outer ones, as that of the disk image, stand beside the cause, so causes come first.
_REFUSALS = (
    Refusal(
        r"unable to find utility \"devicectl\"|invalid active developer path|requires Xcode",
        "Xcode's devicectl is not installed on this Mac",
        "Install Xcode 15 or later; then `sudo xcode-select --switch /Applications/Xcode.app`.",
    ),
    Refusal(
        r"device is (currently )?locked|DeviceLocked|could not be,? unlocked|BSErrorCodeDescription = Locked",
        "{phone} is locked",
        "Unlock it and keep its screen on, then run the command again.",
    ),
    Refusal(
        r"developer mode (is )?(disabled|off|not enabled)|developer mode status: disabled",
        "developer mode is off on {phone}",
        f"Turn it on: {_DEVELOPER_MODE}.",
    ),
    Refusal(
        r"has not been explicitly trusted by the user",
        "{phone} does not trust the developer who signed the app",
        "On the phone: Settings, General, VPN & Device Management, the developer, Trust.",
    ),
    Refusal(
        r"provisioning profile|0xe80080|ApplicationVerificationFailed|invalid code signature"
        r"|failed to verify code signature",
        "the app is not signed for {phone}",
        "Build it for this phone: {build}",
    ),
    Refusal(
        r"not paired|unpaired|must be paired|pairing (was |is )?(denied|required|rejected)"
        r"|does not trust this (mac|host)",
        "{phone} is not paired with this Mac",
        "Connect it by cable, unlock it, and answer Trust; or `xcrun devicectl manage pair --device {udid}`.",
    ),
    Refusal(
        r"developer disk image could not be mounted|CoreDeviceError error 12040",
        "{phone} cannot be used for development yet",
        f"Unlock it, turn developer mode on ({_DEVELOPER_MODE}), and update Xcode if the phone's system is newer.",
    ),
    Refusal(
        r"specified device was not found|CoreDeviceError error 1000\b|tunnel connection failed|RemotePairingError"
        r"|no longer connected|device (is )?(not connected|disconnected|unavailable)|failed to locate device",
        "{phone} is not connected",
        "Connect it by cable and unlock it. `xcrun devicectl list devices` shows what is there.",
    ),
    Refusal(
        r"ContainerLookupErrorDomain|is not installed|no application with bundle identifier",
        "the harness app is not on {phone}",
        "Run the command again to install it, or build it first: {build}",
    ),
)


def refusal_of(said: str, phone: PhoneName) -> Refusal | None:
    """The one that devicectl's words are a sign of, its sentences filled in; None for anything else."""
    found = next((refusal for refusal in _REFUSALS if re.search(refusal.signs, said, re.IGNORECASE)), None)
    if found is None:
        return None
    fields = {"phone": phone.name, "udid": phone.udid, "build": build_command(phone.udid)}
    return Refusal(found.signs, found.what.format(**fields), found.remedy.format(**fields))
