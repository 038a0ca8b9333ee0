"""Packages whose folder asks for the machine: manifests, links, paths and files. Answers as in hostile.py."""

from __future__ import annotations

import json
import os
from pathlib import Path

from draft import write_package
from hostile import Make, single


def manifest(text: str) -> Make:
    return lambda folder: write_package(folder, b"", text)


def located(path: str) -> Make:
    return manifest(json.dumps({"itemInfoEntries": {"A": {"path": path}}, "rootModelIdentifier": "A"}))


def linked(*place: str, to: str) -> Make:
    """A part of the package is a link that leads out of it, to something that is there."""

    def make(folder: Path) -> Path:
        package = single("relu", (4,), x="%x")(folder)
        outside = single("relu", (4,), x="%x")(folder / "other")
        target = package.joinpath(*place)
        target.rename(folder / "moved")
        os.symlink(outside.joinpath(to), target)
        return package

    return make


def fifo(folder: Path) -> Path:
    package = single("relu", (4,), x="%x")(folder)
    model = package / "Data" / "com.apple.CoreML" / "model.mlmodel"
    model.unlink()
    os.mkfifo(model)
    return package


def endless_model(folder: Path) -> Path:
    package = single("relu", (4,), x="%x")(folder)
    os.truncate(package / "Data" / "com.apple.CoreML" / "model.mlmodel", 2**40)
    return package


PACKAGES: dict[str, tuple[Make, str | None]] = {
    "a sound one": (single("relu", (4,), x="%x"), None),
    "a manifest of many lists": (manifest("[[]," * 300_000), "Manifest.json has"),
    "a manifest without an end": (manifest("[" * 500_000), "names no root model"),
    "a manifest of digits": (manifest("1" * 100_000), "names no root model"),
    "a path with zero bytes": (located("a\0b"), "outside itself"),
    "a path that is no text": (located("\ud800"), "outside itself"),
    "a path that writes to the terminal": (located("\x1b[2J"), "outside itself"),
    "a path longer than the system's": (located("a/" * 5000 + "b"), "cannot read|no file"),
    "a path of folders": (located("com.apple.CoreML"), "no file"),
    "a linked manifest": (linked("Manifest.json", to="Manifest.json"), "leads outside"),
    "a linked model": (
        linked("Data", "com.apple.CoreML", "model.mlmodel", to="Data/com.apple.CoreML/model.mlmodel"),
        "leads outside",
    ),
    "a linked folder": (linked("Data", to="Data"), "leads outside"),
    "a model that waits": (fifo, "no file"),
    "a model of a terabyte": (endless_model, "more than the"),
}
