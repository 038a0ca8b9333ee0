"""The worked exchange of docs/protocol.md, pasted into a shell block by block, gives the answers that stand there.

`MOBILEDEPLOY_RECORD_GOLDEN=1` writes the answers anew, and fails.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from serve_process import ROOT, serving

PAGE = ROOT / "docs" / "protocol.md"
DATE = "date: Fri, 20 Nov 2026 12:00:00 GMT"

# What is another one at every exchange, and where an answer has it.
LIVE = {
    "HOST": None,
    "TOKEN": None,
    "SECRET": r'"secret": "([^"]+)"',
    "DEVICE": r'"device_id": "([^"]+)"',
    "LEASE": r'"mobiledeploy.lease/1",\s+"id": "([^"]+)"',
}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
ASSIGNMENT = re.compile(r"^([A-Z]+)=(\S+)\n", re.MULTILINE)


def worked() -> str:
    page = PAGE.read_text(encoding="utf-8")
    return page[page.index("\n## A worked exchange\n") : page.index("\n<!-- The rest is made from")]


class Shell:
    """Pastes blocks. What differs from exchange to exchange is told and given as the page has it."""

    def __init__(self, text: str, folder: Path, host: str, token: str, path: str) -> None:
        self.folder = folder
        self.environment = os.environ | {"PATH": path}
        self.actual = {"HOST": host, "TOKEN": token}
        self.written = {name: value for name, value in ASSIGNMENT.findall(text) if name in LIVE}

    def paste(self, block: str) -> str:
        for name, value in ASSIGNMENT.findall(block):
            self.environment[name] = self.actual.get(name, value)
        commands = ASSIGNMENT.sub("", block)
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", commands],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (commands, done.stderr.decode())
        return done.stdout.decode().replace("\r\n", "\n")

    def as_written(self, answer: str) -> str:
        """The answer with the page's secret in the place of the one that was given, and so on."""
        for name, pattern in LIVE.items():
            if pattern is not None and (found := re.search(pattern, answer)):
                self.actual[name] = found[1]
        for name, value in self.actual.items():
            answer = answer.replace(value, self.written[name])
        return re.sub(r"^date: .+$", DATE, answer, flags=re.MULTILINE)


def curl(kind: str, folder: Path) -> str:
    """A PATH on which `curl` is the machine's, or the stand-in."""
    if kind == "the machine's":
        return os.environ["PATH"]
    program = folder / "bin" / "curl"
    program.parent.mkdir()
    stand_in = Path(__file__).with_name("curl_stand_in.py")
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S {shlex.quote(str(stand_in))} "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize("kind", ["the stand-in", *(["the machine's"] if shutil.which("curl") else [])])
def test_the_worked_exchange_goes_as_it_is_written(tmp_path: Path, kind: str) -> None:
    text = worked()
    blocks = BLOCK.findall(text)
    host_blocks = [block for language, block in blocks if language == "bash"]
    assert host_blocks == [
        "python examples/queue_job.py exchange.db\nmobiledeploy serve --store exchange.db\n",
    ]
    store, phone = tmp_path / "exchange.db", tmp_path / "phone"
    phone.mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, ROOT / "examples/queue_job.py", store], check=True, timeout=60, env=environment)
    told, recorded = "", text
    with serving(store, tmp_path / "host.log") as (host, token):
        shell = Shell(text, phone, host, token, curl(kind, tmp_path))
        for language, block in blocks:
            if language == "sh":
                assert told.strip() == "", f"an answer without its block: {told}"
                told = shell.paste(block)
            elif language == "":
                answer = shell.as_written(told)
                if os.environ.get("MOBILEDEPLOY_RECORD_GOLDEN"):
                    recorded = recorded.replace(f"```\n{block}```\n", f"```\n{answer.strip(chr(10))}\n```\n", 1)
                else:
                    assert answer.strip("\n") == block.strip("\n")
                told = ""
    identity = hashlib.sha256((phone / "identity.txt").read_bytes()).hexdigest()
    assert identity == shell.environment["PACKAGE"]
    if recorded != text:
        PAGE.write_text(PAGE.read_text(encoding="utf-8").replace(text, recorded), encoding="utf-8")
        pytest.fail("the answers were written; look at the difference")


def test_the_exchange_has_every_request_and_the_answers_that_matter() -> None:
    """So that nobody thins it out."""
    text = worked()
    for line in ("201 Created", "426 Upgrade Required", "206 Partial Content", "416 ", "404 ", "400 ", "409", "204 "):
        assert line in text
    for path in ("/v1/pairings", "/v1/jobs/next", "/heartbeat", "/release", "/v1/blobs/", "/report"):
        assert path in text
