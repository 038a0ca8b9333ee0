"""Published latencies beside one's own: the same architecture, chip and compute units, quotable sources only."""

from __future__ import annotations

import csv
import re
from importlib import resources

import pytest

from mobiledeploy.bench.chips import chip_of, phone_named
from mobiledeploy.bench.published import published_latencies

ROWS = list(
    csv.DictReader(resources.files("mobiledeploy.bench").joinpath("iphone_latency.csv").read_text().splitlines())
)


def test_fastvit_on_an_iphone_12_has_the_readme_and_the_screenshot_of_its_authors() -> None:
    found = published_latencies("fastvit_t8.apple_in1k", "iPhone13,3", "all", 256)
    modelbench = [(each.latency_ms, each.device, each.seen) for each in found if "apple/ml-fastvit" in each.source]
    assert (0.8, "iPhone 12 Pro", "E1") in modelbench
    assert (0.815, "iPhone 12 Pro", "E4") in modelbench
    assert all(each.source and each.device and each.compute_units in ("ALL", "unspecified") for each in found)
    assert [each.latency_ms for each in found] == sorted(each.latency_ms for each in found)


@pytest.mark.parametrize(
    ("architecture", "hardware", "units", "resolution"),
    [
        ("fastvit_t8", "iPhone13,3", "cpuOnly", 256),
        ("fastvit_t8", "iPhone13,3", "all", 384),
        ("fastvit_t8", "iPhone99,1", "all", 256),
        ("fastvit_t8", "x86_64", "all", 256),
        ("fastvit_t8", "iPhone10,1", "all", 256),
        ("no_such_model", "iPhone13,3", "all", 256),
        ("", "iPhone13,3", "all", None),
    ],
)
def test_what_was_measured_otherwise_is_not_put_beside(architecture, hardware, units, resolution) -> None:
    assert published_latencies(architecture, hardware, units, resolution) == ()


def test_digitised_inferred_and_compressed_rows_are_never_quoted() -> None:
    """Over every architecture, chip and unit of the table: each quoted row is an E1, E2 or E4 of its own model."""
    kept = set()
    for name in {row["timm_name"] for row in ROWS} - {""}:
        for hardware in ("iPhone11,2", "iPhone12,3", "iPhone13,2", "iPhone14,5", "iPhone15,2", "iPhone16,1"):
            for units in ("cpuOnly", "cpuAndGPU", "cpuAndNeuralEngine", "all"):
                found = published_latencies(name, hardware, units)
                kept |= {(name, each.device, each.latency_ms, each.source) for each in found}
    assert len(kept) > 100
    notes: dict[tuple, list[str]] = {}
    for row in ROWS:
        key = (row["timm_name"], row["device"], float(row["latency_ms"]), row["source"])
        notes.setdefault(key, []).append(row["note"])
    for key in kept:
        assert any(re.match(r"\[E[124]\]", note) and "COMPRESSED" not in note for note in notes[key])


def test_every_iphone_of_the_table_has_a_chip() -> None:
    named = {row["device"] for row in ROWS if row["device"].startswith("iPhone")}
    assert {device for device in named if chip_of(device) is None} == set()
    assert (phone_named("iPhone13,2"), chip_of("iPhone13,2"), chip_of("iPhone 12 Pro")) == ("iPhone 12", "A14", "A14")
    assert (phone_named("arm64"), chip_of("arm64")) == (None, None)
