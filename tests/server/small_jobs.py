"""Jobs of a few bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobiledeploy.records import Job, JobSample, MeasurementPlan, PackageContent, PackageFile, TensorContent

if TYPE_CHECKING:
    from mobiledeploy.server.blobs import Blobs

PLAN = MeasurementPlan(compute_units=("cpuOnly", "all"), rounds=2, iterations=3, warm_up=1)


def small_job(id_: str, blobs: Blobs, *, plan: MeasurementPlan = PLAN) -> Job:
    """A job whose package and input are a few bytes, kept in `blobs`."""
    content = [b"program of " + id_.encode(), bytes(range(256)) * 40]
    files = tuple(
        PackageFile(path, blobs.add(data), len(data))
        for path, data in zip(("Data/model.mlmodel", "Data/weight.bin"), content, strict=True)
    )
    picture = bytes(48)
    sample = JobSample("natural", (TensorContent("image", "uint8", (4, 4, 3), blobs.add(picture), 48, kind="image"),))
    return Job(id_, PackageContent(f"{id_}.mlpackage", files), (sample,), plan)
