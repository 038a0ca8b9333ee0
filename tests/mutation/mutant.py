"""A deliberately broken module: what is changed in its text, and which tests must notice."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

TESTS = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Area:
    """A part of the Python package with its tests. `package`: below which modules are named. `folders`: of tests, below
    `tests`. `prefixes`: what the names of test files may begin with, left out in tables; the longest first."""

    package: str
    folders: tuple[str, ...]
    prefixes: tuple[str, ...]

    def read(self, module: str) -> str:
        return source_of(f"{self.package}.{module}")

    def check(self, name: str, source: str, broken: str) -> None:
        """Raises StaleMutantError unless the broken text is Python and another program."""
        try:
            if compile(broken, name, "exec") == compile(source, name, "exec"):
                raise StaleMutantError(f"{name}: the broken module is the same program")
        except SyntaxError as error:
            raise StaleMutantError(f"{name}: the broken module is no Python: {error}") from None

    def find_tests(self, names: str) -> list[str]:
        """What pytest is told: the test files with these names, or one test of a file, `FILE::TEST`.

        Raises FileNotFoundError.
        """
        return [self._find_test(name) for name in names.split()]

    def _find_test(self, name: str) -> str:
        stem, _, test = name.partition("::")
        for prefix in self.prefixes:
            for folder in self.folders:
                for file in (TESTS / folder).rglob(f"{prefix}{stem}.py"):
                    if test and f"def {test}(" not in file.read_text(encoding="utf-8"):
                        raise FileNotFoundError(f"no {test} in {file}")
                    return f"{file}::{test}" if test else str(file)
        raise FileNotFoundError(f"no test file for {stem!r} below {TESTS}")


@dataclass(frozen=True)
class SwiftArea:
    """The Swift package. Its modules are named by file, `LatencyCore/Sampler`, its tests by target, `LatencyCoreTests`,
    or by suite, `JobRunTests`."""

    package: Path

    def read(self, module: str) -> str:
        return (self.package / "Sources" / f"{module}.swift").read_text(encoding="utf-8")

    def check(self, name: str, source: str, broken: str) -> None:
        """Whether it is Swift turns out when it is built."""

    def find_tests(self, names: str) -> list[str]:
        """Targets, or suites with their target as `swift test --filter` is told them. Raises FileNotFoundError."""
        return [self._find_test(name) for name in names.split()]

    def _find_test(self, name: str) -> str:
        folder = self.package / "Tests"
        if (folder / name).is_dir():
            return name
        targets = {
            file.parent.name
            for file in folder.glob("*Tests/*.swift")
            if f"struct {name} {{" in file.read_text(encoding="utf-8")
        }
        if len(targets) != 1:
            raise FileNotFoundError(f"{len(targets)} suites are called {name} below {folder}")
        return f"{targets.pop()}.{name}"


EXECUTOR = Area("mobiledeploy.mil", ("mil",), ("test_mil_ops_", "test_mil_"))
PHONE = SwiftArea(TESTS.parent / "ios_harness")
HOST = Area("mobiledeploy", ("server", "bench", "campaign", "records", "parity", "cli"), ("test_",))


@dataclass(frozen=True)
class Mutant:
    """`what`: the mistake. `module`: below the package of its `area`. `original`: a piece of its text that occurs just
    once. `broken`: what takes its place. `tests`: as `Area.find_tests` takes them."""

    what: str
    module: str
    original: str
    broken: str
    tests: str
    area: Area | SwiftArea = EXECUTOR

    @property
    def name(self) -> str:
        return f"{self.module.removeprefix('ops.')}: {self.what}"

    @property
    def full_module(self) -> str:
        return f"{self.area.package}.{self.module}"

    @property
    def found_tests(self) -> list[str]:
        return self.area.find_tests(self.tests)


class StaleMutantError(Exception):
    """The sources have moved on: the table must follow."""


def source_of(module: str) -> str:
    """The text of an installed module, which is found without being imported."""
    folder = Path(importlib.util.find_spec("mobiledeploy").origin).parent
    return folder.joinpath(*module.split(".")[1:]).with_suffix(".py").read_text(encoding="utf-8")


def broken_source(mutant: Mutant) -> str:
    """The module's text with the mistake in it. Raises StaleMutantError unless the original stands there once, and the
    result is another program."""
    source = mutant.area.read(mutant.module)
    if (count := source.count(mutant.original)) != 1:
        raise StaleMutantError(f"{mutant.name}: {mutant.original!r} occurs {count} times in {mutant.module}")
    broken = source.replace(mutant.original, mutant.broken)
    mutant.area.check(mutant.name, source, broken)
    return broken


class _BrokenLoader(importlib.machinery.SourceFileLoader):
    """Loads given text in place of the file's, and never a cached compilation."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec", dont_inherit=True)


class BrokenImport:
    """A finder that gives one module with other text; to stand first in `sys.meta_path`. `witness`: a file that is
    there as soon as any process has imported the module."""

    def __init__(self, module: str, source: str, witness: Path) -> None:
        self._module, self._source, self._witness = module, source, witness

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        assert spec is not None
        assert spec.origin is not None
        self._witness.touch()
        return importlib.util.spec_from_file_location(
            name, spec.origin, loader=_BrokenLoader(name, spec.origin, self._source)
        )


def loaded_too_early() -> list[str]:
    """Modules of the package that are already imported: they could not be broken any more."""
    return [name for name in sys.modules if name.partition(".")[0] == "mobiledeploy"]
