"""Phones on a Mac's cable, played: their fixtures, and apps as Xcode builds them."""

from __future__ import annotations

import json
import os
import plistlib
import stat
import sys
from datetime import datetime
from pathlib import Path

import pytest
from played_devicectl import BUNDLE

from mobiledeploy.campaign import phone_app, phone_jobs

__all__ = ["COMMIT", "app", "bench", "calls", "phone"]

HERE = Path(__file__).parent
SHORT = ("--rounds", 2, "--iterations", 3, "--compute-units", "cpu,all")
COMMIT = "4" * 40
SOURCE = "import sys\nsys.path += {paths!r}\nfrom pathlib import Path\nfrom played_devicectl import run\n"


@pytest.fixture
def phone(tmp_path, monkeypatch, exported):
    """`phone(installed=("0.1.0", "7.8"), fails={"launch": LOCKED})`: its folder; xcrun is on the PATH, no app built."""

    def put(installed=None, *, fails=None, device=None, others=(), copies_into=False) -> Path:
        root, programs = tmp_path / "phone", tmp_path / "bin"
        root.mkdir()
        programs.mkdir()
        scenario = {"exported": str(exported), "fails": fails or {}, "device": device or {}, "others": list(others)}
        (root / "scenario.json").write_text(json.dumps(scenario | {"copies_into": copies_into}))
        if installed:
            version, number = installed
            app = {"bundleIdentifier": BUNDLE, "version": version, "bundleVersion": number}
            (root / "app.json").write_text(json.dumps(app))
            (root / "container" / "Documents").mkdir(parents=True)
        program = programs / "xcrun"
        paths = [str(HERE), *filter(None, sys.path)]
        program.write_text(f"#!{sys.executable}\n{SOURCE.format(paths=paths)}run(sys.argv[1:], Path({str(root)!r}))\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        monkeypatch.setattr(phone_app, "built_app", lambda: None)
        monkeypatch.setattr(phone_jobs, "_POLL_SECONDS", 0.01)
        return root

    return put


def app(folder: Path, number: str = "7.8", commit: str = COMMIT, **changes) -> Path:
    """A built HarnessApp.app. `phones`, `expires`: of its profile; `None` for an unsigned one."""
    place = folder / "HarnessApp.app"
    place.mkdir(parents=True)
    info = {
        "CFBundleIdentifier": changes.get("bundle", BUNDLE),
        "CFBundleShortVersionString": "0.1.0",
        "CFBundleVersion": number,
        "MobileDeployCommit": commit,
        "CFBundleSupportedPlatforms": [changes.get("platform", "iPhoneOS")],
    }
    (place / "Info.plist").write_bytes(plistlib.dumps(info, fmt=plistlib.FMT_BINARY))
    phones = changes.get("phones", ["00008101-1"])
    if phones is not None:
        profile = {"ProvisionedDevices": phones, "ExpirationDate": changes.get("expires", datetime(2999, 1, 1))}
        (place / "embedded.mobileprovision").write_bytes(b"0\x82\x30" + plistlib.dumps(profile) + b"\x00signature")
    return place


@pytest.fixture
def bench(command, exported, tmp_path):
    """`bench("--app", place)`: of the phone, unless another device is named."""

    def run(*arguments: object, device: str = "00008101-1"):
        return command("bench", exported, "--device", device, "--store", tmp_path / "own.db", *SHORT, *arguments)

    return run


def calls(root: Path) -> list[str]:
    """The subcommands, in order."""
    lines = [line.split() for line in (root / "calls.txt").read_text().splitlines()]
    return [" ".join(word for word in words[1:4] if not word.startswith("-")) for words in lines]
