"""The NumPy that coremltools' tests need, in a folder of its own, made once.

Some of them compare scalars with arrays in ways that NumPy 2.4 no longer takes. The environment stays as it is: the
folder only stands first on the path of the processes that run the suite.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

__all__ = ["enter_overlay"]

_BUILD = Path(__file__).resolve().parents[3] / "build" / "conformance"
_REQUIREMENT = "numpy>=2.0,<2.4"


def enter_overlay() -> None:
    """Starts this program again under the right NumPy and a fixed hash seed, unless it runs so already."""
    if _suits() and os.environ.get("PYTHONHASHSEED") == "0":
        return
    if os.environ.get("CONFORMANCE_OVERLAY"):
        raise SystemExit(f"NumPy {version('numpy')} is found first, in spite of {os.environ['CONFORMANCE_OVERLAY']}")
    # sets in parameters come in the order of their hashes, and names of cases follow
    environment = dict(os.environ, PYTHONHASHSEED="0", OMP_NUM_THREADS="1", CONFORMANCE_OVERLAY="none")
    paths = [str(Path(__file__).resolve().parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    if not _suits():
        folder = _make()
        environment["CONFORMANCE_OVERLAY"] = str(folder)
        paths.insert(0, str(folder))
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    command = [sys.executable, "-m", "conformance", *sys.argv[1:]]
    if os.name == "posix":
        # in the place of this process, so that a signal reaches the one that works
        os.execve(sys.executable, command, environment)
    raise SystemExit(subprocess.run(command, env=environment, check=False).returncode)


def _suits() -> bool:
    return (2, 0) <= tuple(map(int, version("numpy").split(".")[:2])) < (2, 4)


def _make() -> Path:
    folder = _BUILD / f"numpy-{sys.version_info.major}{sys.version_info.minor}"
    if folder.is_dir():
        return folder
    print(f"conformance: installing {_REQUIREMENT} into {folder}", file=sys.stderr)
    _BUILD.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=_BUILD))
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    made = subprocess.run([*install, "--target", str(place), _REQUIREMENT], check=False)
    if made.returncode:
        shutil.rmtree(place, ignore_errors=True)
        raise SystemExit("conformance: pip could not install it, see above. It needs PyPI once.")
    try:
        place.rename(folder)
    except OSError:
        # another process was faster
        shutil.rmtree(place, ignore_errors=True)
    return folder
