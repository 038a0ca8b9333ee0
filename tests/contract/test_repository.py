"""The files around the package: scripts, pins, fragments, documentation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = ("scripts/setup", "scripts/mobiledeploy", "scripts/test", "scripts/check", "scripts/changelog", ".ci/run")
TEXTS = ("README.md", "CONTRIBUTING.md", "requirements.lock", "pyproject.toml", *SCRIPTS)

# An absolute path that exists on somebody's machine only.
PLACES = re.compile(r"(?<![\w.:/~$}{)*-])/(?:home|root|Users|work|workspace|mnt|opt|srv)/[\w.-]")


def text(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def pins() -> dict[str, tuple[str, str]]:
    lines = [line for line in text("requirements.lock").splitlines() if line and not line.startswith("#")]
    split = [re.fullmatch(r"([a-z0-9-]+)(={2,3})([\w.]+)", line) for line in lines]
    assert all(split), [line for line, match in zip(lines, split, strict=True) if match is None]
    return {match[1]: (match[2], match[3]) for match in split if match}


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_can_be_executed_and_parsed(script) -> None:
    path = REPOSITORY / script
    assert os.access(path, os.X_OK)
    if "python" in path.read_text().splitlines()[0]:
        compile(path.read_text(), script, "exec")
    else:
        done = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_every_declared_dependency_is_pinned() -> None:
    project = tomllib.loads(text("pyproject.toml"))["project"]
    declared = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        declared += extra
    names = {re.match(r"[\w-]+", requirement)[0].lower() for requirement in declared} - {"mobiledeploy"}
    assert names <= pins().keys()


def test_torch_is_pinned_to_the_build_that_fits_torchvision() -> None:
    assert pins()["torch"][0] == "==="
    assert {sign for name, (sign, _) in pins().items() if name != "torch"} == {"=="}


def test_nothing_of_one_kind_of_graphics_card_is_pinned() -> None:
    assert [name for name in pins() if name.startswith(("nvidia", "cuda", "triton"))] == []


def test_the_readme_gives_exactly_two_commands_to_begin_with() -> None:
    section = text("README.md").split("## Two commands")[1].split("\n## ")[0]
    commands = re.findall(r"```\n(.+?)\n```", section, flags=re.DOTALL)
    assert commands == ["scripts/mobiledeploy export fastvit_t8 --target coreml", "scripts/test"]


def test_ci_runs_the_command_of_the_readme() -> None:
    assert "scripts/test" in text(".ci/run")
    assert "scripts/check" in text(".ci/run")


@pytest.mark.parametrize("workflow", ["linux.yml", "macos.yml"])
def test_workflows_say_that_nobody_has_run_them_yet(workflow) -> None:
    assert text(f".github/workflows/{workflow}").startswith("# NOT YET RUN BY ANYONE")


def test_no_file_around_the_package_names_a_place_of_one_machine() -> None:
    own = {Path(__file__).name, "test_house.py"}  # they hold the pattern and its examples
    below = [path for folder in ("tests", "benchmarks", "docs", ".github") for path in (REPOSITORY / folder).rglob("*")]
    texts = {path for path in below if path.suffix in (".py", ".md", ".yml", ".sh") and path.name not in own}
    texts |= {REPOSITORY / name for name in TEXTS}
    wrong = [f"{path.name}: {found}" for path in sorted(texts) for found in PLACES.findall(path.read_text("utf-8"))]
    assert wrong == []


def test_fragments_have_a_known_name_and_say_something() -> None:
    for path in (REPOSITORY / "changelog.d").iterdir():
        assert path.name == "README.md" or re.fullmatch(
            r"\d+\.(added|changed|fixed|removed|security)(\.\d+)?\.md", path.name
        )
        assert path.read_text(encoding="utf-8").strip()


def test_fragments_become_a_release(tmp_path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "changelog").write_text(text("scripts/changelog"))
    fragments = tmp_path / "changelog.d"
    fragments.mkdir()
    (fragments / "README.md").write_text("how to\n")
    (fragments / "12.fixed.md").write_text("A crash\nis gone.\n")
    (fragments / "3.added.md").write_text("A command.\n")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 0.1.0 (2026-01-01)\n")
    done = subprocess.run([sys.executable, str(tmp_path / "scripts" / "changelog"), "0.2.0", "2026-02-03"], check=False)
    assert done.returncode == 0
    assert (tmp_path / "CHANGELOG.md").read_text() == (
        "# Changelog\n\n## 0.2.0 (2026-02-03)\n\n### Added\n\n- A command. (#3)\n\n"
        "### Fixed\n\n- A crash is gone. (#12)\n\n## 0.1.0 (2026-01-01)\n"
    )
    assert [path.name for path in fragments.iterdir()] == ["README.md"]


def test_test_files_have_names_of_their_own() -> None:
    """Two files of one name would be one module to pytest."""
    names = Counter(path.name for path in (REPOSITORY / "tests").rglob("test_*.py"))
    assert [name for name, number in names.items() if number > 1] == []


def test_setup_says_in_one_message_that_python_is_missing(tmp_path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "scripts").mkdir(parents=True)
    for name in ("requirements.lock", "pyproject.toml", "scripts/setup"):
        (checkout / name).write_text(text(name))
    done = subprocess.run(
        ["bash", str(checkout / "scripts" / "setup")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHON": "python-of-nowhere"},
    )
    assert done.returncode == 2
    assert done.stderr.count("error:") == 1
    assert "no Python 3.11, 3.12 or 3.13 was found at python-of-nowhere" in done.stderr
    assert not (checkout / ".venv").exists()


def test_the_command_of_a_checkout_runs_from_any_folder(tmp_path) -> None:
    environment = {**os.environ, "MOBILEDEPLOY_VENV": sys.prefix}
    command = [str(REPOSITORY / "scripts" / "mobiledeploy"), "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("mobiledeploy ")


def test_an_environment_that_is_none_is_one_message(tmp_path) -> None:
    environment = {**os.environ, "MOBILEDEPLOY_VENV": str(tmp_path)}
    command = [str(REPOSITORY / "scripts" / "test")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("error:") == 1
