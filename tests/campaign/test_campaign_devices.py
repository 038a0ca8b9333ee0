"""Devices without a network: harness-cli, played by programs; and reports that come as files."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import zipfile
from pathlib import Path

import pytest
from bench_process import PHONE, answers, bench_process, faithful
from wire_client import WireClient

from mobiledeploy.campaign import direct, harness_program
from mobiledeploy.campaign.direct import measure_by_program
from mobiledeploy.campaign.enqueue import enqueue
from mobiledeploy.campaign.folders import read_report_file, write_job_folder
from mobiledeploy.campaign.harness_program import CLI_VARIABLE, harness_cli
from mobiledeploy.campaign.prepare import prepare
from mobiledeploy.errors import HostError, InputError, PackageError
from mobiledeploy.records import Job, Lease, MeasurementPlan, codec
from mobiledeploy.server.host import open_place
from mobiledeploy.server.pairing import Terms
from mobiledeploy.server.queue import JobQueue

HERE = Path(__file__).parent
PLAN = MeasurementPlan(compute_units=("cpuOnly", "all"), rounds=2, iterations=3)


@pytest.fixture
def right(exported):
    return answers(exported)


def program(path: Path, source: str) -> Path:
    path.write_text(f"#!{sys.executable}\n{source}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


SHORT = ("--rounds", 2, "--iterations", 3, "--compute-units", "cpu,all")


def test_without_a_mac_the_other_ways_are_named(command, exported, store, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(harness_program, "_on_mac", lambda: False)
    for device, what in (("00008101-1", "devicectl is not here"), ("mac", "Core ML runs on a Mac only")):
        done = command("bench", exported, "--device", device, "--store", store, *SHORT)
        assert (done.code, what in done.err, "--device lan" in done.err) == (5, True, True)


@pytest.fixture
def job(exported, store) -> tuple[Job, object]:
    place = open_place(store)
    queue = JobQueue(place.ledger, Terms())
    campaign = enqueue(queue, prepare(exported, place.blobs), PLAN)
    (state,) = queue.states(campaign.id)
    yield queue.job(state.id), place
    place.ledger.close()


def test_a_job_folder_has_all_that_the_job_needs(job, tmp_path, exported) -> None:
    wanted, place = job
    write_job_folder(wanted, place.blobs, tmp_path / "job")
    assert codec.read(Job, tmp_path / "job" / "job.json") == wanted
    for file in wanted.package.files:
        content = (tmp_path / "job" / "blobs" / file.sha256).read_bytes()
        assert content == (exported / "tiny.mlpackage" / file.path).read_bytes()
    (place.blobs.find(wanted.package.files[0].sha256)).unlink()
    with pytest.raises(PackageError, match="is missing"):
        write_job_folder(wanted, place.blobs, tmp_path / "again")


def test_harness_cli_measures_a_job_folder(job, tmp_path, exported) -> None:
    wanted, place = job
    source = (
        f"import sys; sys.path += {[str(HERE), *filter(None, sys.path)]!r}\nfrom pathlib import Path\n"
        "from played_device import measure\nassert sys.argv[1] == 'measure'\n"
        f"measure(Path(sys.argv[2]), Path(sys.argv[3]), Path({str(exported)!r}))\n"
    )
    reported, blobs = measure_by_program(program(tmp_path / "cli", source), wanted, place.blobs, lambda text: None)
    assert (reported.report.job, len(blobs)) == (wanted.id, 2)
    failing = program(tmp_path / "failing", "import sys\nsys.exit('no Core ML here')")
    with pytest.raises(HostError, match=r"harness-cli failed \(exit code 1\): no Core ML here"):
        measure_by_program(failing, wanted, place.blobs, lambda text: None)


def shared(job: Job, folder: Path, right) -> Path:
    """The report of the job as the app shares it: a folder."""
    phone = WireClient(0, device=PHONE)
    report, blobs = faithful(Lease("l", job, 1), phone, right)
    (folder / "blobs").mkdir(parents=True)
    (folder / "report.json").write_text(codec.dumps(report), encoding="utf-8")
    for content in blobs:
        (folder / "blobs" / hashlib.sha256(content).hexdigest()).write_bytes(content)
    return folder


def zipped(folder: Path, path: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, f"{prefix}{file.relative_to(folder)}")
        archive.writestr("../../evil.json", "{}")
        archive.writestr("__MACOSX/._report.json", "x")
    return path


@pytest.mark.parametrize("form", ["folder", "zip", "zip of the folder"])
def test_a_shared_report_is_imported_once(command, job, store, tmp_path, form, exported) -> None:  # noqa: PLR0917
    folder = shared(job[0], tmp_path / "shared", answers(exported))
    path = folder if form == "folder" else zipped(folder, tmp_path / "r.zip", "shared/" if "of" in form else "")
    first = json.loads(command("results", "import", path, "--store", store, "--json").out)
    again = json.loads(command("results", "import", path, "--store", store, "--json").out)
    assert [receipts["receipts"][0]["first"] for receipts in (first, again)] == [True, False]
    (result,) = json.loads(command("results", "list", "--store", store, "--json").out)["results"]
    assert (result["imported"], result["model"]) == (True, "tiny")
    assert all(each["passed"] for each in result["units"][1]["parity"])
    assert not (tmp_path.parent / "evil.json").exists()


def test_a_report_of_another_store_is_taken_without_parity(command, job, tmp_path, right) -> None:
    folder = shared(job[0], tmp_path / "shared", right)
    other = str(tmp_path / "other.db")
    done = command("results", "import", folder / "report.json", "--store", other)
    assert done.code == 0, done.err
    (result,) = json.loads(command("results", "list", "--store", other, "--json").out)["results"]
    assert result["units"][0]["parity"] is None
    assert result["units"][0]["parity_reason"] == "the job is not of this store, so there is no reference here"


def test_a_report_that_was_changed_on_the_way_is_refused(command, job, store, tmp_path, right) -> None:
    folder = shared(job[0], tmp_path / "shared", right)
    blob = next((folder / "blobs").iterdir())
    whole = blob.read_bytes()
    blob.write_bytes(b"other")
    assert "has another hash than its name" in command("results", "import", folder, "--store", store).err
    blob.write_bytes(whole)
    document = json.loads((folder / "report.json").read_text())
    document["plan"]["rounds"] = 1
    (folder / "report.json").write_text(json.dumps(document))
    done = command("results", "import", folder, "--store", store)
    assert done.code == 2
    assert "the report does not fit its job: it is of another plan" in done.err


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda path: path.mkdir(), InputError, "holds no report.json"),
        (lambda path: None, InputError, "cannot read it"),
        (lambda path: path.write_bytes(b"{"), PackageError, "not valid JSON"),
        (lambda path: path.write_bytes(b"\xff"), PackageError, "the report is not UTF-8"),
        (
            lambda path: path.write_text('{"schema": "mobiledeploy.job/1"}'),
            PackageError,
            "schema is mobiledeploy.job/1",
        ),
    ],
)
def test_files_that_are_no_reports_are_refused(tmp_path, make, error, message) -> None:
    path = tmp_path / "it"
    make(path)
    with pytest.raises(error) as refused:
        read_report_file(path)
    assert message in refused.value.what
    assert refused.value.remedy
    (tmp_path / "it.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"cannot read it\.zip"):
        read_report_file(tmp_path / "it.zip")


def test_the_simulated_phone_is_the_named_program_or_the_built_one(tmp_path, monkeypatch) -> None:
    package, told = tmp_path / "ios_harness", []
    monkeypatch.delenv(CLI_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="there is no harness-cli: Swift is not installed") as refused:
        harness_cli(told.append, package)
    assert refused.value.where == "--device simulated"
    assert CLI_VARIABLE in refused.value.remedy
    built = package / ".build" / "debug" / "harness-cli"
    built.parent.mkdir(parents=True)
    program(built, "")
    assert harness_cli(told.append, package) == built
    named = program(tmp_path / "mine", "")
    monkeypatch.setenv(CLI_VARIABLE, str(named))
    assert harness_cli(told.append, package) == named
    monkeypatch.setenv(CLI_VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(HostError, match="names no program"):
        harness_cli(told.append, package)
    assert told == []


# A compiler that leaves a program which measures, as `swift build` does.
SWIFT = """
import os, sys
from pathlib import Path
arguments = sys.argv[1:]
assert arguments[:5] == ["build", "-c", "release", "--product", "harness-cli"], arguments
assert arguments[5] == "--package-path" and len(arguments) == 7
if {fails!r}:
    print("error: no such module 'CoreML'")
    sys.exit(1)
built = Path(arguments[6]) / ".build" / "release" / "harness-cli"
built.parent.mkdir(parents=True, exist_ok=True)
built.write_text({cli!r})
built.chmod(0o755)
"""

CLI = """#!{python}
import os, sys
sys.path += {paths!r}
from pathlib import Path
from played_device import measure
assert sys.argv[1] == "measure" and len(sys.argv) == 4
(Path(__file__).parent / "commit").write_text(os.environ.get("MOBILEDEPLOY_COMMIT", ""))
measure(Path(sys.argv[2]), Path(sys.argv[3]), Path({exported!r}))
"""


@pytest.fixture
def mac(tmp_path, monkeypatch, exported):
    """`mac()`: this machine passes for a Mac with Swift and the checkout's ios_harness, which is given back."""

    def put(fails: bool = False) -> Path:
        package, programs = tmp_path / "ios_harness", tmp_path / "programs"
        package.mkdir()
        programs.mkdir()
        (package / "Package.swift").write_text("")
        paths = [str(HERE), *filter(None, sys.path)]
        cli = CLI.format(python=sys.executable, paths=paths, exported=str(exported))
        program(programs / "swift", SWIFT.format(fails=fails, cli=cli))
        program(programs / "git", f"print({COMMIT!r})")
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        monkeypatch.delenv(CLI_VARIABLE, raising=False)
        monkeypatch.setattr(harness_program, "_on_mac", lambda: True)
        monkeypatch.setattr(harness_program.mac_program, "__defaults__", (package,))
        return package

    return put


COMMIT = "4" * 40


def test_on_a_mac_the_program_is_built_from_the_sources_as_they_are(command, mac, exported, tmp_path) -> None:
    package = mac()
    old = package / ".build" / "debug" / "harness-cli"
    old.parent.mkdir(parents=True)
    program(old, "import sys\nsys.exit('an old debug build')")
    done = command("bench", exported, "--device", "mac", "--store", tmp_path / "own.db", *SHORT, "--json")
    assert done.code == 0, done.err
    assert "building harness-cli" in done.err
    (result,) = json.loads(done.out)["results"]
    assert [each["passed"] for unit in result["units"] for each in unit["parity"]] == [True] * 4
    assert (package / ".build/release/commit").read_text() == COMMIT


def test_that_a_simulated_phone_is_built_first_is_told(mac) -> None:
    package, told = mac(), []
    assert harness_cli(told.append, package) == package / ".build/release/harness-cli"
    assert told == ["building harness-cli, which takes minutes the first time and seconds later"]


def test_a_program_that_does_not_build_is_told_of_before_anything_is_queued(command, mac, exported, tmp_path) -> None:
    mac(fails=True)
    done = command("bench", exported, "--device", "mac", "--store", tmp_path / "own.db", *SHORT)
    assert done.code == 5
    assert "error: harness-cli does not build: error: no such module 'CoreML'" in done.err
    assert "remedy: By hand: " in done.err
    place = open_place(str(tmp_path / "own.db"))
    with place.ledger.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM jobs").scalar() == 0
    place.ledger.close()


def test_a_program_that_measures_without_end_is_ended(job, tmp_path, monkeypatch) -> None:
    wanted, place = job
    monkeypatch.setattr(direct, "_SPARE_SECONDS", 1.0 - wanted.plan.time_limit_seconds)
    slow = program(tmp_path / "slow", "import time\ntime.sleep(600)")
    with pytest.raises(HostError, match="harness-cli took more than 1 s") as refused:
        measure_by_program(slow, wanted, place.blobs, lambda text: None)
    assert refused.value.remedy


PLAYED_CLI = """
import sys
sys.path += {paths!r}
from pathlib import Path
from played_device import serve
arguments = dict(zip(sys.argv[2::2], sys.argv[3::2]))
assert sys.argv[1] == "simulate"
serve(arguments["--host"], arguments["--token"], arguments["--name"], Path({exported!r}))
"""


def test_simulated_phones_do_all_jobs_and_are_marked(exported, store, tmp_path, monkeypatch) -> None:
    fields = {"paths": [str(HERE), *filter(None, sys.path)], "exported": str(exported)}
    monkeypatch.setenv(CLI_VARIABLE, str(program(tmp_path / "harness-cli", PLAYED_CLI.format(**fields))))
    arguments = ("--device", "simulated", "--phones", 3, "--store", store, *SHORT)
    with bench_process(tmp_path / "log", exported, *arguments) as bench:
        code, document, told = bench.end()
    assert code == 0, told
    assert {result["standing"] for result in document["results"]} == {"simulated"}
    assert {result["device"]["name"] for result in document["results"]} == {
        f"simulated phone {number}" for number in (1, 2, 3)
    }
    assert not any(result["validity"]["valid"] for result in document["results"])


def test_simulated_phones_that_end_early_are_told_of(exported, store, tmp_path, monkeypatch) -> None:
    cli = program(tmp_path / "harness-cli", "import sys\nsys.exit('segmentation fault')")
    monkeypatch.setenv(CLI_VARIABLE, str(cli))
    with bench_process(tmp_path / "log", exported, "--device", "simulated", "--store", store, *SHORT) as bench:
        code, document, _ = bench.end()
    assert code == 5
    assert document["error"]["what"] == "the simulated phones ended (exit code 1): segmentation fault"
