"""`mobiledeploy bench` in a process of its own, and phones that do what it asks."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from wire_client import DEVICE, WireClient, report_of, until

from mobiledeploy.parity import reference as references
from mobiledeploy.records import SampleOutputs, TensorContent

__all__ = ["PHONE", "BenchProcess", "answers", "bench_process", "do", "faithful"]

PHONE = replace(DEVICE, kind="phone", name="Zoe's iPhone", system="iOS", system_version="18.1", build="22B83")

# As `python -m mobiledeploy`; a shell that runs the tests in the background has told them, and thereby all that they
# start, to ignore SIGINT.
_COMMAND = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("mobiledeploy", run_name="__main__", alter_sys=True)
"""


class BenchProcess:
    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log

    def links(self) -> list[tuple[int, str]]:
        """(port, token) of every code that was shown."""
        found = re.findall(r"pair\?host=http://127\.0\.0\.1:(\d+)&token=(\S+)", self.log.read_text())
        return [(int(port), token) for port, token in found]

    def phone(self, number: int = 1, **fields: Any) -> WireClient:
        """A phone that has paired with the `number`th code."""
        until(lambda: self.process.poll() is not None or len(self.links()) >= number, 300)
        assert self.process.poll() is None, self.log.read_text()
        port, token = self.links()[number - 1]
        client = WireClient(port, device=replace(PHONE, **fields))
        client.pair(token)
        return client

    def end(self) -> tuple[int, dict[str, Any], str]:
        """Exit code, the JSON document, and standard error."""
        out, _ = self.process.communicate(timeout=300)
        return self.process.returncode, json.loads(out) if out else {}, self.log.read_text()

    def interrupt(self) -> tuple[int, dict[str, Any], str]:
        self.process.send_signal(signal.SIGINT)
        return self.end()


@contextmanager
def bench_process(log: Path, *arguments: object):
    command = [sys.executable, "-c", _COMMAND, "bench", *map(str, arguments), "--port", "0", "--json"]
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(["", *sys.path]).strip(os.pathsep),
    }
    with log.open("w") as stream:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stream, text=True, env=environment)
        try:
            yield BenchProcess(process, log)
        finally:
            process.kill()
            process.communicate()


def answers(folder: Path) -> dict[str, dict[str, np.ndarray]]:
    """What the original model gave, by sample and output."""
    reference = references.load(folder / "reference.npz")
    return {sample.name: dict(found) for sample, found in zip(reference.samples, reference.outputs, strict=True)}


def faithful(lease, phone: WireClient, outputs: dict[str, dict[str, np.ndarray]], **plan: Any):
    """A report with these outputs on every compute unit, and the blobs that it names."""
    report, _ = report_of(lease.job, phone.device, phone.app, outputs={}, **plan)
    blobs: list[bytes] = []
    sent = []
    for sample in lease.job.samples:
        tensors = []
        for name, array in outputs[sample.name].items():
            content = np.ascontiguousarray(array, "<f4").tobytes()
            blobs.append(content)
            digest = hashlib.sha256(content).hexdigest()
            tensors.append(TensorContent(name, "float32", array.shape, digest, len(content)))
        sent.append(SampleOutputs(sample.name, tuple(tensors)))
    units = tuple(replace(unit, outputs=tuple(sent)) for unit in report.units)
    return replace(report, units=units), blobs


def do(phone: WireClient, outputs: dict[str, dict[str, np.ndarray]], **plan: Any) -> str:
    """The next job, done with these outputs; its id."""
    lease = phone.next(wait=15)
    assert lease is not None
    report, blobs = faithful(lease, phone, outputs, **plan)
    for content in blobs:
        assert phone.put_blob(content).status in (200, 201)
    assert phone.put_report(lease.job.id, report).status == 201
    return lease.job.id
