"""Reports in a store, put there without a phone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from small_jobs import PLAN, small_job
from wire_client import APP, DEVICE, report_of

from mobiledeploy.campaign.subject import Subject
from mobiledeploy.records import BenchmarkReport, DeviceIdentity, codec
from mobiledeploy.server.pairing import Terms
from mobiledeploy.server.queue import JobQueue, NewJob
from mobiledeploy.server.reception import Reception, read_report

if TYPE_CHECKING:
    from mobiledeploy.server.host import Place

__all__ = ["PHONE", "SUBJECT", "store"]

PHONE = replace(DEVICE, kind="phone", name="Zoe's iPhone", hardware="iPhone13,3", system="iOS", system_version="18.1")
SUBJECT = Subject("fastvit", "float16", 60.0, architecture="fastvit_t8", resolution=256)


def store(
    place: Place,
    name: str,
    *,
    campaign: str = "c",
    device: DeviceIdentity = PHONE,
    subject: Subject | None = SUBJECT,
    **changes,
) -> BenchmarkReport:
    """The report of a job called `name`, imported. `subject`: None where the store does not know the job. `changes`: of
    the report; `plan` of the job too."""
    job = small_job(name, place.blobs, plan=changes.get("plan", PLAN))
    if subject is not None:
        JobQueue(place.ledger, Terms()).add([NewJob(job, campaign, name, codec.dumps(subject))])
    report, blobs = report_of(job, device, APP)
    for content in blobs:
        place.blobs.add(content)
    report = replace(report, **changes)
    Reception(place.ledger, place.blobs).bring(read_report(codec.dumps(report).encode()))
    return report
