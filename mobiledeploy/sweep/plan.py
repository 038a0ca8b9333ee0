"""From what the user typed to tasks: zoo patterns, factories, programs, and files that list them.

fastvit_*            every zoo name that matches; fastvit_*:features as well
models.py:vit_*      every function whose name matches, of every file that does; files are read for that, not run
models.txt           one MODEL per line, options of `mobiledeploy export` behind it, comments after #
anything else        a MODEL as `mobiledeploy export` takes it
"""

from __future__ import annotations

import ast
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from glob import glob
from pathlib import Path

from mobiledeploy.errors import InputError, MobileDeployError, UnknownModelError
from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.records import ExportOptions
from mobiledeploy.records.sweep import SweepTask
from mobiledeploy.sweep.conditions import file_digests
from mobiledeploy.sweep.results import task_key

__all__ = ["Choice", "LineOptions", "plan"]

LineOptions = Callable[[Sequence[str], ExportOptions], ExportOptions]
"""Options as words on top of given ones: what the command line makes of `--resolution 192`."""

_GLOB = frozenset("*?[")


@dataclass(frozen=True)
class Choice:
    """What a sweep is to try. `patterns`: as typed. `options`: of every model, `targets` aside. `targets`,
    `precisions`: each model is tried with each of them."""

    patterns: tuple[str, ...]
    options: ExportOptions
    targets: tuple[str, ...] = ("coreml",)
    precisions: tuple[str, ...] = ("float16",)


@dataclass(frozen=True)
class _Wanted:
    model: str
    words: tuple[str, ...] = ()
    where: str | None = None


def plan(choice: Choice, line_options: LineOptions, *, progress: Progress = SILENT) -> tuple[SweepTask, ...]:
    """The tasks in the order they were asked for, none twice.

    Raises UnknownModelError for a name or pattern that fits nothing, InputError for a list that cannot be read, with
    the file and line.
    """
    tasks: dict[str, SweepTask] = {}
    for pattern in choice.patterns:
        for wanted in _expanded(pattern, progress):
            for task in _tasks(wanted, choice, line_options):
                _demand_target(task, wanted.where)
                tasks.setdefault(task_key(task), task)
    return tuple(tasks.values())


def _expanded(pattern: str, progress: Progress) -> Iterator[_Wanted]:
    if _is_list(pattern):
        for number, line in enumerate(_lines(Path(pattern)), 1):
            words = _words(line, f"{pattern}, line {number}")
            if words:
                yield from _listed(words, f"{pattern}, line {number}", progress)
    else:
        yield from (_Wanted(model) for model in _models(pattern, progress))


def _is_list(pattern: str) -> bool:
    """A file that is neither a program nor code."""
    return Path(pattern).is_file() and Path(pattern).suffix not in (".pt2", ".py")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"cannot read the list {path}: {reason}", where=str(path), remedy=_LIST) from None


_LIST = "A list has one MODEL per line, options of `mobiledeploy export` behind it, and comments after #."


def _words(line: str, where: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError as error:
        raise InputError(f"cannot read the line: {error}", where=where, remedy=_LIST) from None


def _listed(words: list[str], where: str, progress: Progress) -> Iterator[_Wanted]:
    model, *rest = words
    if model.startswith("-"):
        raise InputError(f"the line begins with the option {model}, not with a MODEL", where=where, remedy=_LIST)
    try:
        models = _models(model, progress)
    except UnknownModelError as error:
        raise UnknownModelError(error.what, where=where, remedy=error.remedy) from None
    yield from (_Wanted(found, tuple(rest), where) for found in models)


def _models(pattern: str, progress: Progress) -> tuple[str, ...]:
    place, colon, function = pattern.rpartition(":")
    if colon and place.endswith(".py") and _GLOB & set(pattern):
        return _factories(place, function, pattern)
    if colon and _GLOB & set(place):
        return tuple(f"{name}:{function}" for name in _zoo(place, progress))
    if colon or pattern.endswith((".pt2", ".py")):
        return (pattern,)
    return _zoo(pattern, progress)


def _zoo(pattern: str, progress: Progress) -> tuple[str, ...]:
    from mobiledeploy.sources.zoo_names import known_name, list_models

    if not _GLOB & set(pattern):
        try:
            return (known_name(pattern, progress),)
        except UnknownModelError as error:
            raise UnknownModelError(error.what, where=error.where, remedy=error.remedy or _NAMES) from None
    names = list_models(pattern)
    if not names:
        raise UnknownModelError(
            f"no model of the zoo matches `{pattern}`",
            where="PATTERN",
            remedy=f"{_NAMES} Quote a pattern, so that the shell leaves it alone.",
        )
    return names


_NAMES = "`mobiledeploy models '*'` lists all names."


def _factories(files: str, functions: str, pattern: str) -> tuple[str, ...]:
    paths = sorted(glob(files)) if _GLOB & set(files) else [files]
    named = {path: _functions(Path(path), pattern) for path in paths}
    found = tuple(f"{path}:{name}" for path, names in named.items() for name in names if fnmatchcase(name, functions))
    if not found:
        offered = [name for names in named.values() for name in names]
        offer = (
            f"Functions there: {', '.join(offered[:8])}." if offered else "A factory is a function without arguments."
        )
        raise UnknownModelError(f"no factory of {files} matches `{functions}`", where=pattern, remedy=offer)
    return found


def _functions(path: Path, pattern: str) -> list[str]:
    """The public functions of a file that take no arguments; the file is parsed and not run."""
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except OSError as error:
        raise UnknownModelError(
            f"cannot read {path}: {error.strerror}", where=pattern, remedy="Check the path."
        ) from None
    except (SyntaxError, ValueError) as error:
        raise UnknownModelError(f"{path} is no Python: {error}", where=pattern, remedy="Correct it.") from None
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and _is_factory(node)]


def _is_factory(node: ast.FunctionDef) -> bool:
    arguments = node.args
    required = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    required += sum(default is None for default in arguments.kw_defaults)
    return not required and not node.name.startswith("_")


def _tasks(wanted: _Wanted, choice: Choice, line_options: LineOptions) -> Iterator[SweepTask]:
    """One per target and precision; a line that names either itself has those in the place of the sweep's."""
    for target in choice.targets:
        for precision in choice.precisions:
            given = replace(choice.options, targets=(target,), precision=precision)  # type: ignore[arg-type]
            options = _line_options(wanted, given, line_options)
            for one in options.targets:
                yield _task(wanted.model, replace(options, targets=(one,)))


def _demand_target(task: SweepTask, where: str | None) -> None:
    """A wrong one is refused before anything is tried."""
    from mobiledeploy.targets.table import target_named

    try:
        target_named(task.target)
    except InputError as error:
        raise InputError(error.what, where=where or error.where, remedy=error.remedy) from None


def _line_options(wanted: _Wanted, given: ExportOptions, line_options: LineOptions) -> ExportOptions:
    if not wanted.words:
        return given
    try:
        return line_options(wanted.words, given)
    except MobileDeployError as error:
        option = f", {error.where}" if error.where else ""
        raise InputError(error.what, where=f"{wanted.where}{option}", remedy=error.remedy) from None


def _task(model: str, options: ExportOptions) -> SweepTask:
    return SweepTask(model, options, dict(file_digests(*_files(model, options))))


def _files(model: str, options: ExportOptions) -> Iterable[str]:
    place, colon, _ = model.rpartition(":")
    return (place if colon else model, options.weights, options.labels or "")
