"""examples/phone_client.py knows docs/protocol.md and nothing else, and takes `bench --queue`'s jobs from `serve`."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "server"))
from serve_process import ROOT, serving

CLIENT = ROOT / "examples" / "phone_client.py"
PLAN = ("--rounds", 2, "--iterations", 3, "--compute-units", "cpu,all")


def phone(host: str, token: str, state: Path, idle: int = 0) -> subprocess.Popen[str]:
    """With no package of others in reach: not ours either."""
    link = f"mobiledeploy://pair?host={host}&token={token}"
    command = [sys.executable, "-I", "-S", str(CLIENT), link, "--state", str(state), "--idle", str(idle)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=state.parent)


@pytest.fixture
def queued(command, exported, store) -> str:
    """A store with a job for a simulated phone."""
    outcome = command("bench", exported, "--queue", "--device", "simulated", "--store", store, *PLAN)
    assert (outcome.code, "0 of 1 jobs reported" in outcome.out) == (0, True)
    return store


def test_a_client_of_the_page_alone_does_a_queued_job(command, queued, tmp_path) -> None:
    with serving(queued, tmp_path / "host.log") as (host, token):
        told, _ = phone(host, token, tmp_path / "state").communicate(timeout=60)
        again, _ = phone(host, token, tmp_path / "state").communicate(timeout=60)
    assert "tiny.mlpackage: reported as " in told
    assert "the pairing token was used before" not in again  # the same device, the same request
    listed = json.loads(command("results", "list", "--store", queued, "--kind", "simulated", "--json").out)
    (result,) = listed["results"]
    assert [unit["compute_units"] for unit in result["units"]] == ["cpuOnly", "all"]
    assert {unit["samples"] for unit in result["units"]} == {6}
    assert result["validity"]["reasons"] == ["the times are made up", "the device is simulated"]
    assert json.loads(command("results", "list", "--store", queued, "--json").out)["results"] == []


class Bytes:
    """A host of one blob. `ranges`: whether it knows them. `asked`: the first byte of every request."""

    def __init__(self, content: bytes, *, ranges: bool = True) -> None:
        self.content = content
        self.ranges = ranges
        self.asked: list[int] = []

    def ask(self, method: str, path: str, first: int = 0) -> tuple[int, bytes]:
        self.asked.append(first)
        return (206, self.content[first:]) if first and self.ranges else (200, self.content)


@pytest.fixture
def client():
    """The example as a module."""
    specification = importlib.util.spec_from_file_location("phone_client", CLIENT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("left", "ranges", "asked"),
    [
        (None, True, [0]),
        (b"01234", True, [5]),
        (b"01234", False, [5]),
        (b"0123456789", True, []),
        (b"other", True, [5, 0]),
        (b"other bytes, and more", True, [0]),
    ],
)
def test_what_an_interrupted_transfer_has_left_is_not_asked_for_again(client, tmp_path, left, ranges, asked) -> None:
    content = b"0123456789"
    digest = hashlib.sha256(content).hexdigest()
    if left is not None:
        (tmp_path / f"{digest}.partial").write_bytes(left)
    host = Bytes(content, ranges=ranges)
    assert client.fetch(host, digest, len(content), tmp_path) == content
    assert host.asked == asked
    assert [path.name for path in tmp_path.iterdir()] == [digest]
    assert client.fetch(host, digest, len(content), tmp_path) == content
    assert host.asked == asked


def test_a_host_that_sends_other_bytes_is_believed_never(client, tmp_path) -> None:
    host = Bytes(b"0123456789")
    with pytest.raises(ValueError, match="other bytes"):
        client.fetch(host, "0" * 64, 10, tmp_path)
    assert host.asked == [0, 0]
    assert list(tmp_path.iterdir()) == []


def test_several_clients_share_a_queue_and_no_job_counts_twice(command, exported, store, tmp_path) -> None:
    arguments = ("--queue", "--device", "simulated", "--store", store, "--phones", 2, *PLAN)
    assert command("bench", exported, *arguments).code == 0
    with serving(store, tmp_path / "host.log") as (host, token):
        first = phone(host, token, tmp_path / "one")
        assert "reported as" in first.communicate(timeout=60)[0]
        log = tmp_path / "host.log"
        wait_for_code(log, 2)
        second = phone(*log.read_text().split("pair?host=")[2].split()[0].split("&token="), tmp_path / "two")
        assert "reported as" in second.communicate(timeout=60)[0]
    rows = tmp_path / "out.csv"
    assert command("results", "export", rows, "--store", store, "--kind", "simulated").code == 0
    with rows.open() as stream:
        found = list(csv.DictReader(stream))
    assert len({row["result"] for row in found}) == 2
    assert {row["kind"] for row in found} == {"simulated"}


def wait_for_code(log: Path, number: int) -> None:
    from wire_client import until

    until(lambda: log.read_text().count("pair?host=") >= number, 30)


def test_the_client_imports_nothing_of_ours() -> None:
    assert "mobiledeploy" not in {
        line.split()[1] for line in CLIENT.read_text().splitlines() if line.startswith(("import", "from"))
    }
    environment = {"PATH": os.environ.get("PATH", "")}
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(CLIENT), "--help"],
        capture_output=True,
        timeout=60,
        check=False,
        env=environment,
    )
    assert done.returncode == 0
