from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from small_jobs import small_job
from stores import postgresql, pytest_generate_tests, store
from wire_client import WireClient

from mobiledeploy.server.host import Host, HostOptions, open_place
from mobiledeploy.server.pairing import Terms
from mobiledeploy.server.queue import NewJob
from mobiledeploy.server.reading import Patience

if TYPE_CHECKING:
    from mobiledeploy.records import Job

__all__ = ["postgresql", "pytest_generate_tests", "store"]


@pytest.fixture
def terms() -> Terms:
    return Terms(heartbeat_seconds=0.1, lease_seconds=30.0)


@pytest.fixture
def host(store: str, tmp_path: Path, terms: Terms) -> Iterator[Host]:
    patience = Patience(seconds=0.6, bytes_per_second=10_000_000, drain_seconds=0.3)
    options = HostOptions(port=0, terms=terms, patience=patience)
    with Host(open_place(store, tmp_path / "results.blobs"), options) as running:
        yield running


@pytest.fixture
def phone(host: Host) -> WireClient:
    client = WireClient(host.port)
    client.pair(host.pairing.token())
    return client


@pytest.fixture
def queued(host: Host) -> list[Job]:
    jobs = [small_job(f"job-{index}", host.place.blobs) for index in range(3)]
    host.queue.add([NewJob(job, "campaign", job.id) for job in jobs])
    return jobs
