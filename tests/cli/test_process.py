"""The program as a process: what it imports, how it starts and how it leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAVY = (
    "torch",
    "torchvision",
    "timm",
    "coremltools",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "numpy",
    "matplotlib",
    "PIL",
)


def python(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False, **options
    )


def imported(code: str) -> set[str]:
    report = python("-X", "importtime", "-c", code).stderr
    lines = [line for line in report.splitlines() if line.startswith("import time:")]
    assert len(lines) > 20, report
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.mark.parametrize(
    "code",
    [
        "import mobiledeploy",
        "import mobiledeploy; mobiledeploy.InputError, mobiledeploy.ExportOptions",
        "from mobiledeploy.cli import main; main(['--help'])",
        "from mobiledeploy.cli import main; main(['export', '--help'])",
        "from mobiledeploy.cli import main; main(['--version'])",
        "import mobiledeploy.doctor",
    ],
)
def test_no_heavy_library_is_imported(code) -> None:
    assert imported(code).isdisjoint(HEAVY)


def test_the_module_runs_and_names_every_command() -> None:
    done = python("-m", "mobiledeploy", "--help")
    assert done.returncode == 0
    for command in ("export", "check", "run", "models", "doctor"):
        assert command in done.stdout


def test_no_arguments_show_the_help() -> None:
    done = python("-m", "mobiledeploy")
    assert (done.returncode, "Usage" in done.stdout, done.stderr) == (0, True, "")


def test_the_exit_code_is_that_of_the_error() -> None:
    done = python("-m", "mobiledeploy", "export", "x", "--precision", "int4")
    assert (done.returncode, done.stdout) == (2, "")


def test_exit_handlers_run_and_buffers_are_written(tmp_path: Path) -> None:
    """The process leaves by `os._exit`; nothing that must still be written may be lost by that."""
    mark = tmp_path / "mark"
    code = (
        "import atexit, pathlib, sys\n"
        f"atexit.register(pathlib.Path({str(mark)!r}).write_text, 'done')\n"
        "sys.argv = ['mobiledeploy', '--version']\n"
        "from mobiledeploy.__main__ import main\n"
        "sys.stdout.write('buffered ')\n"
        "main()\n"
    )
    done = python("-c", code)
    assert done.returncode == 0
    assert done.stdout.startswith("buffered mobiledeploy ")
    assert mark.read_text() == "done"


@pytest.mark.parametrize(
    ("arguments", "errors"),
    [("--help", 0), ("models --help", 0), ("--version", 0), ("export x --precision int4 --json", 1)],
)
def test_a_reader_that_left_is_no_error(arguments: str, errors: int) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "mobiledeploy", *arguments.split()]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(write)
    assert done.stderr.count("error:") == errors
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


NOTHING_FOUND = """
from mobiledeploy import doctor
from mobiledeploy.__main__ import main
doctor.examine = lambda machine: doctor.Examination(())
main()
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_standard_output_is_one_message() -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-c", NOTHING_FOUND, "doctor"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr.count("error:") == 1
    assert "cannot write the result: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 2


# A shell starts background jobs with interrupts ignored, and children inherit that.
INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from mobiledeploy.__main__ import main
main()
"""


def test_an_interrupt_leaves_with_130_and_nothing_written(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import pathlib, time\n\ndef factory():\n    pathlib.Path('here').touch()\n    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "export", "slow.py:factory"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        while not (tmp_path / "here").exists() and child.poll() is None:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "error: interrupted"
    assert not (tmp_path / "exports").exists()
