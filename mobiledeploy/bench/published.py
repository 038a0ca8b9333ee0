"""What others published of the same architecture on the same class of device, by the rules of iphone_latency.md."""

from __future__ import annotations

import csv
import functools
import re
from importlib import resources
from typing import TYPE_CHECKING

from mobiledeploy.bench.chips import chip_of
from mobiledeploy.records import PublishedLatency

if TYPE_CHECKING:
    from mobiledeploy.records.job import ComputeUnits

__all__ = ["published_latencies"]

_QUOTABLE = ("E1", "E2", "E4")
_SEEN = re.compile(r"\[(E\d)\]")
_COMPRESSED = re.compile(r"COMPRESSED|quanti[sz]|palett|pruned|sparsity", re.IGNORECASE)
_UNITS = {"cpuOnly": ("CPU",), "cpuAndGPU": ("GPU",), "cpuAndNeuralEngine": ("NE",), "all": ("ALL", "unspecified")}


@functools.cache
def _rows() -> tuple[dict[str, str], ...]:
    text = resources.files("mobiledeploy.bench").joinpath("iphone_latency.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def published_latencies(
    architecture: str, hardware: str, units: ComputeUnits, resolution: int | None = None
) -> tuple[PublishedLatency, ...]:
    """The quotable rows of `architecture` (a timm name; a tag of weights behind a dot does not matter) on devices with
    the chip of `hardware`, for these compute units. `resolution`: in pixels; rows of another one are left out. Fastest
    first. What the source does not specify stands beside `all`, which an app gets unless it asks for less."""
    chip = chip_of(hardware)
    name = architecture.partition(".")[0]
    found = [
        PublishedLatency(
            row["model"],
            float(row["latency_ms"]),
            row["device"],
            row["compute_unit"],
            row["source"],
            seen.group(1),
            row["resolution"],
        )
        for row in _rows()
        if row["timm_name"] == name != ""
        and row["compute_unit"] in _UNITS[units]
        and chip is not None
        and chip_of(row["device"]) == chip
        and (seen := _SEEN.match(row["note"])) is not None
        and seen.group(1) in _QUOTABLE
        and not _COMPRESSED.search(row["model"] + row["note"])
        and (resolution is None or row["resolution"] in ("", str(resolution)))
    ]
    return tuple(sorted(found, key=lambda each: each.latency_ms))
