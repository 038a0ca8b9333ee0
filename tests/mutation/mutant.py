"""A deliberately broken module of the executor: what is changed in its text, and which tests must notice."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

PACKAGE = "mobiledeploy.mil"


@dataclass(frozen=True)
class Mutant:
    """`what`: the mistake. `module`: below `mobiledeploy.mil`. `original`: a piece of its text that occurs just once.
    `broken`: what takes its place. `tests`: names of test files below `tests/mil`, without `test_mil_` and `ops_`."""

    what: str
    module: str
    original: str
    broken: str
    tests: str

    @property
    def name(self) -> str:
        return f"{self.module.rpartition('.')[2]}: {self.what}"

    @property
    def full_module(self) -> str:
        return f"{PACKAGE}.{self.module}"


class StaleMutantError(Exception):
    """The sources have moved on: the table must follow."""


def source_of(module: str) -> str:
    """The text of an installed module, which is found without being imported."""
    folder = Path(importlib.util.find_spec("mobiledeploy").origin).parent
    return folder.joinpath(*module.split(".")[1:]).with_suffix(".py").read_text(encoding="utf-8")


def broken_source(mutant: Mutant) -> str:
    """The module's text with the mistake in it. Raises StaleMutantError unless the original stands there once, and the
    result is Python and another program."""
    source = source_of(mutant.full_module)
    if (count := source.count(mutant.original)) != 1:
        raise StaleMutantError(f"{mutant.name}: {mutant.original!r} occurs {count} times in {mutant.full_module}")
    broken = source.replace(mutant.original, mutant.broken)
    try:
        if compile(broken, mutant.module, "exec") == compile(source, mutant.module, "exec"):
            raise StaleMutantError(f"{mutant.name}: the broken module is the same program")
    except SyntaxError as error:
        raise StaleMutantError(f"{mutant.name}: the broken module is no Python: {error}") from None
    return broken


class _BrokenLoader(importlib.machinery.SourceFileLoader):
    """Loads given text in place of the file's, and never a cached compilation."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec", dont_inherit=True)


class BrokenImport:
    """A finder that gives one module with other text; to stand first in `sys.meta_path`."""

    def __init__(self, module: str, source: str) -> None:
        self._module, self._source = module, source
        self.used = False

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        assert spec is not None
        assert spec.origin is not None
        self.used = True
        return importlib.util.spec_from_file_location(
            name, spec.origin, loader=_BrokenLoader(name, spec.origin, self._source)
        )


def loaded_too_early() -> list[str]:
    """Modules of the package that are already imported: they could not be broken any more."""
    return [name for name in sys.modules if name.partition(".")[0] == "mobiledeploy"]
