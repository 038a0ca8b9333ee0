"""What a device does with a job, for the programs that play devicectl and harness-cli."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bench_process import PHONE, answers, do, faithful
from wire_client import DEVICE, WireClient, replace

from mobiledeploy.records import Job, Lease, codec

__all__ = ["measure", "serve"]


def measure(job_folder: Path, report_folder: Path, exported: Path) -> None:
    """A report folder of a job folder, with the right outputs."""
    job = codec.read(Job, job_folder / "job.json")
    for file in job.package.files:
        content = (job_folder / "blobs" / file.sha256).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file.sha256
    report, blobs = faithful(Lease("l", job, 1), WireClient(0, device=PHONE), answers(exported))
    (report_folder / "blobs").mkdir(parents=True)
    for content in blobs:
        (report_folder / "blobs" / hashlib.sha256(content).hexdigest()).write_bytes(content)
    (report_folder / "report.json").write_text(codec.dumps(report), encoding="utf-8")


def serve(address: str, token: str, name: str, exported: Path) -> None:
    """A simulated phone, until the host is gone."""
    phone = WireClient(int(address.rpartition(":")[2]), device=replace(DEVICE, name=name))
    phone.pair(token)
    while True:
        do(phone, answers(exported))
