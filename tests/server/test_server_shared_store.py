"""Several hosts with one store: each gives out the jobs whose files it has, and hears of the others' phones."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_jobs import small_job
from stores import EVERY_STORE
from wire_client import WireClient

from mobiledeploy.errors import HostError
from mobiledeploy.server.folder_identity import folder_identity
from mobiledeploy.server.host import Host, HostOptions, open_place
from mobiledeploy.server.pairing import Terms
from mobiledeploy.server.queue import NewJob

STORES = EVERY_STORE
TERMS = Terms(heartbeat_seconds=0.1, lease_seconds=1.0)


def running(store: str, folder: Path) -> Host:
    return Host(open_place(store, folder), HostOptions(port=0, terms=TERMS))


@pytest.fixture
def hosts(store: str, tmp_path: Path) -> Iterator[tuple[Host, Host]]:
    """Two machines: the same store, files of their own."""
    with running(store, tmp_path / "one") as first, running(store, tmp_path / "two") as second:
        yield first, second


def paired(host: Host) -> WireClient:
    phone = WireClient(host.port)
    phone.pair(host.pairing.token())
    return phone


def queue(host: Host, *names: str) -> None:
    host.queue.add([NewJob(small_job(name, host.place.blobs), "campaign", name) for name in names])


def test_each_gives_out_the_jobs_whose_files_it_has(hosts) -> None:
    first, second = hosts
    queue(first, "a", "b")
    queue(second, "c")
    phones = paired(first), paired(second)
    for phone, name in ((phones[1], "c"), (phones[0], "a"), (phones[0], "b")):
        lease = phone.next()
        assert lease.job.id == name
        assert phone.work(lease).first
    assert [phone.next() for phone in phones] == [None, None]
    for host in hosts:
        assert [state.state for state in host.queue.states("campaign")] == ["reported"] * 3


def test_a_phone_of_one_host_keeps_its_lease_while_the_other_looks_for_lost_ones(hosts) -> None:
    first, second = hosts
    queue(first, "a")
    phone = paired(first)
    lease = phone.next()
    over = threading.Event()
    threading.Timer(3 * TERMS.lease_seconds, over.set).start()
    while not over.wait(0.1):
        assert phone.beat(lease.id).status == 200
        assert second.queue.expire() == 0
    assert phone.work(lease).first


def test_a_host_ends_the_leases_of_one_that_is_gone(store: str, tmp_path: Path) -> None:
    """With the same files, as after a kill; its phones come to this one."""
    with running(store, tmp_path / "files") as first:
        queue(first, "a")
        assert paired(first).next().attempt == 1
    with running(store, tmp_path / "files") as second:
        phone = paired(second)
        assert phone.next() is None
        assert phone.next(wait=5).attempt == 2


def test_two_hosts_with_the_same_files_share_the_queue(store: str, tmp_path: Path) -> None:
    """As `serve` and `bench` side by side: whoever is asked first gives a job out, and nobody else."""
    with running(store, tmp_path / "files") as first, running(store, tmp_path / "files") as second:
        queue(first, "a", "b")
        leases = [paired(host).next() for host in (first, second)]
        assert [lease.job.id for lease in leases] == ["a", "b"]


def test_a_secret_is_good_at_every_host_of_the_store(hosts) -> None:
    first, second = hosts
    queue(second, "a")
    phone = paired(first)
    phone.port = second.port
    assert phone.work(phone.next()).first


def test_a_phone_that_comes_from_another_host_is_not_given_what_it_held_there(hosts) -> None:
    """Its files are not here."""
    first, second = hosts
    queue(first, "a")
    queue(second, "b")
    phone = paired(first)
    assert phone.next().job.id == "a"
    phone.port = second.port
    assert phone.next().job.id == "b"


def test_jobs_without_a_folder_are_anybodys(hosts) -> None:
    """Those that were queued before there were such folders."""
    first, second = hosts
    first.queue.files = None
    queue(first, "old")
    small_job("old", second.place.blobs)
    assert paired(second).next().job.id == "old"


def test_a_folder_of_files_has_one_identity_for_all_who_ask(tmp_path: Path) -> None:
    found: list[str] = []
    gate = threading.Barrier(8)

    def ask() -> None:
        gate.wait(10)
        found.append(folder_identity(tmp_path / "files"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert set(found) == {folder_identity(tmp_path / "files")}
    assert os.listdir(tmp_path / "files") == ["identity"]
    (tmp_path / "files").rename(tmp_path / "moved")
    assert folder_identity(tmp_path / "moved") == found[0]
    assert folder_identity(tmp_path / "another") != found[0]


def test_an_identity_that_is_none_is_named(tmp_path: Path) -> None:
    for content in (b"", b"\xff", b"../../elsewhere"):
        (tmp_path / "identity").write_bytes(content)
        with pytest.raises(HostError) as refused:
            folder_identity(tmp_path)
        assert str(refused.value.where) == str(tmp_path / "identity")
        assert "remove the file" in refused.value.remedy
    (tmp_path / "file").write_text("")
    with pytest.raises(HostError, match="cannot use the folder of files: Not a directory"):
        folder_identity(tmp_path / "file" / "below")
