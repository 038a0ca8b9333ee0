"""The protocol as a phone meets it: from pairing to a receipt, and every repetition that a bad network causes."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from small_jobs import small_job
from stores import EVERY_STORE
from wire_client import DEVICE, WireClient, report_of

from mobiledeploy.records import (
    HeartbeatAnswer,
    Lease,
    PackageContent,
    PackageFile,
    PairingAnswer,
    PairingRequest,
    Progress,
    Receipt,
    codec,
)
from mobiledeploy.server.queue import NewJob

STORES = EVERY_STORE


def test_a_phone_goes_from_pairing_to_a_stored_report(host, queued) -> None:
    phone = WireClient(host.port)
    answer = phone.pair(host.pairing.token())
    assert (answer.protocol, answer.heartbeat_seconds, answer.lease_seconds) == (1, 0.1, 30.0)
    lease = phone.next()
    assert (lease.job, lease.attempt) == (queued[0], 1)
    assert phone.work(lease) == Receipt("r-job-0", True)
    assert [state.state for state in host.queue.states("campaign")] == ["reported", "waiting", "waiting"]


def test_the_link_holds_address_and_token(host) -> None:
    token, link = host.link()
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", token)
    assert link == f"mobiledeploy://pair?host=http://127.0.0.1:{host.port}&token={token}"


def test_a_token_is_read_as_people_type_it(host) -> None:
    token = host.pairing.token()
    typed = token.replace("-", "").lower().replace("0", "o").replace("1", "l")
    assert WireClient(host.port).pairing(typed).status == 201


def test_a_lost_pairing_answer_is_given_again_to_the_same_request_only(host) -> None:
    token = host.pairing.token()
    first, again = (WireClient(host.port).pairing(token).record(PairingAnswer) for _ in range(2))
    assert first == again
    other = WireClient(host.port, device=replace(DEVICE, name="another"))
    refused = other.pairing(token)
    assert (refused.status, refused.problem.code) == (401, "token")
    assert "was used before" in refused.problem.message


def test_the_newest_common_version_is_spoken_and_none_says_which_side_to_update(host) -> None:
    token = host.pairing.token()
    newer = WireClient(host.port).pairing(token, (2, 3))
    assert (newer.status, newer.problem.code) == (426, "protocol")
    assert newer.problem.remedy == "Update mobiledeploy on the host."
    assert WireClient(host.port).pairing(token, ()).problem.remedy == "Update the app on the phone."
    assert WireClient(host.port).pairing(token, (1, 2)).record(PairingAnswer).protocol == 1


def test_no_job_is_no_content(phone) -> None:
    assert phone.next() is None


def test_a_waiting_phone_is_given_a_job_that_comes_later(host, phone, queued) -> None:
    """And a phone that holds a lease is given the same one again."""
    assert phone.next(wait=1) == phone.next()


def test_two_phones_share_the_queue(host, phone, queued) -> None:
    other = WireClient(host.port)
    other.pair(host.pairing.token())
    assert [phone.next().job.id, other.next().job.id] == ["job-0", "job-1"]


def test_a_report_sent_twice_counts_once(host, phone, queued) -> None:
    lease = phone.next()
    phone.work(lease)
    report, _ = report_of(lease.job)
    again = phone.put_report("job-0", report)
    assert (again.status, again.record(Receipt)) == (200, Receipt("r-job-0", False))
    different = phone.put_report("job-0", replace(report, duration_ns=1))
    assert (different.status, different.problem.code) == (409, "conflict")
    under_another_name = phone.put_report("job-0", replace(report, id="other"))
    assert (under_another_name.status, under_another_name.problem.code) == (409, "conflict")


def test_a_released_job_is_given_again_and_a_refused_one_is_not(host, phone, queued) -> None:
    lease = phone.next()
    assert [phone.release(lease.id).status for _ in range(2)] == [204, 204]
    again = phone.next()
    assert (again.job.id, again.attempt) == ("job-0", 2)
    assert again.id != lease.id
    assert phone.release(again.id, retry=False).status == 204
    assert phone.next().job.id == "job-1"
    state = host.queue.states("campaign")[0]
    assert (state.state, state.reason) == ("given up", "asked to")


def test_progress_is_heard_and_a_cancelled_job_says_so(host, phone, queued) -> None:
    lease = phone.next()
    assert phone.beat(lease.id, Progress("rounds", "all", 7, 0.25)).record(HeartbeatAnswer).cancelled is False
    assert host.queue.states("campaign")[0].progress == Progress("rounds", "all", 7, 0.25)
    assert host.queue.cancel("campaign", "enough") == 3
    assert phone.beat(lease.id).record(HeartbeatAnswer).cancelled is True
    phone.release(lease.id)
    assert phone.next() is None


def test_blobs_come_whole_or_from_any_byte_on(host, phone, queued) -> None:
    lease = phone.next()
    digest = lease.job.package.files[1].sha256
    whole = phone.fetch(digest)
    assert whole == bytes(range(256)) * 40
    for start in (1, 5000, len(whole) - 1):
        assert phone.fetch(digest, start) == whole[start:]
    path = f"/v1/blobs/{digest}"
    assert phone.ask("GET", path, Range="bytes=2-5").body == whole[2:6]
    assert phone.ask("GET", path, Range="bytes=-3").body == whole[-3:]
    assert phone.ask("GET", path, Range="bytes=2-5").headers["content-range"] == f"bytes 2-5/{len(whole)}"
    assert phone.ask("GET", path, Range="bytes=5-99999999").body == whole[5:]
    assert phone.ask("GET", path, Range="bytes=-99999999").body == whole
    assert phone.ask("GET", path, Range="pages=1-2").body == whole
    for outside in (f"bytes={len(whole)}-", "bytes=9-5", "bytes=-0"):
        refused = phone.ask("GET", path, Range=outside)
        assert (refused.status, refused.problem.code) == (416, "range")


def test_an_empty_file_is_a_blob_too(host, phone) -> None:
    digest = host.place.blobs.add(b"")
    job = small_job("empty", host.place.blobs)
    job = replace(job, package=PackageContent("e.mlpackage", (PackageFile("nothing", digest, 0),)))
    host.queue.add([NewJob(job, "c", "s")])
    phone.next()
    assert phone.fetch(digest) == b""


def test_an_output_that_is_known_already_needs_no_second_copy(host, phone, queued) -> None:
    phone.next()
    assert [phone.put_blob(b"abcd").status for _ in range(2)] == [201, 200]


def test_jobs_of_one_subject_go_to_different_devices(host, phone) -> None:
    jobs = [small_job(f"twin-{index}", host.place.blobs) for index in range(2)]
    host.queue.add([NewJob(job, "c", "the same package") for job in jobs])
    phone.work(phone.next())
    assert phone.next() is None
    other = WireClient(host.port)
    other.pair(host.pairing.token())
    assert other.next().job.id == "twin-1"


def test_a_job_for_one_device_goes_to_no_other(host, phone) -> None:
    host.queue.add([NewJob(small_job("mine", host.place.blobs), "c", "s", device=phone.id)])
    other = WireClient(host.port)
    other.pair(host.pairing.token())
    assert other.next() is None
    assert phone.next().job.id == "mine"


def test_what_is_answered_is_the_record_in_the_documented_form(host, phone, queued) -> None:
    answer = phone.ask("GET", "/v1/jobs/next")
    assert answer.headers["content-type"] == "application/json"
    assert answer.body.decode() == codec.dumps(answer.record(Lease))


@pytest.mark.parametrize("field", ["token", "device", "app", "protocols"])
def test_a_pairing_request_without_a_field_says_which(host, field: str) -> None:
    document = codec.encode(PairingRequest("x", DEVICE, WireClient(0).app, (1,)))
    document.pop(field)
    refused = WireClient(host.port).ask("POST", "/v1/pairings", json.dumps(document).encode())
    assert (refused.status, refused.problem.code) == (400, "malformed")
    assert f"field `{field}` is missing" in refused.problem.message
