"""`python examples/queue_job.py exchange.db` makes a store with the one job of docs/protocol.md's worked exchange.

The job is for a simulated phone: nothing real is measured, and what is reported is marked as simulated for ever.
"""

from __future__ import annotations

import sys

from mobiledeploy.records import Job, JobSample, MeasurementPlan, PackageContent, PackageFile, TensorContent
from mobiledeploy.server.host import open_place
from mobiledeploy.server.pairing import Terms
from mobiledeploy.server.queue import SIMULATED_ONLY, JobQueue, NewJob

__all__ = ["JOB", "add_job"]

FILES = {"Data/com.apple.CoreML/model.mlmodel": b"not a real program\n", "Manifest.json": b"{}\n"}
PICTURE = bytes(range(12))
PLAN = MeasurementPlan(compute_units=("cpuOnly",), rounds=1, iterations=3, warm_up=1, compute_plan=False)
JOB = "example-job"


def add_job(store: str) -> None:
    """Puts the job's files into the blobs of `store`, and the job into its queue."""
    place = open_place(store)
    files = tuple(PackageFile(path, place.blobs.add(content), len(content)) for path, content in FILES.items())
    picture = TensorContent("image", "uint8", (2, 2, 3), place.blobs.add(PICTURE), len(PICTURE), kind="image")
    job = Job(JOB, PackageContent("example.mlpackage", files), (JobSample("natural", (picture,)),), PLAN)
    JobQueue(place.ledger, Terms()).add([NewJob(job, "example", "example", device=SIMULATED_ONLY)])
    place.ledger.close()


if __name__ == "__main__":
    add_job(sys.argv[1])
