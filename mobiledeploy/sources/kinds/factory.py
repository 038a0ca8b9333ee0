"""The user's own code: `package.module:factory`, `file.py:factory`, or a class of either.

The code runs, as the user asked by naming it. Whatever it prints goes to standard error, so that `--json` stays one
document; torch, NumPy and `random` are seeded around it, so that an untrained model is the same on every run.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from torch import nn

from mobiledeploy.errors import FactoryError
from mobiledeploy.sources.detection import without_suppression
from mobiledeploy.sources.factory_inputs import inputs_of
from mobiledeploy.sources.naming import file_safe
from mobiledeploy.sources.randomness import seeded
from mobiledeploy.sources.source import Draft, Request

__all__ = ["FactorySource"]

DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
REMEDY = "A factory is a function or class without arguments that returns an nn.Module."


class FactorySource:
    """`file.py:factory` and `package.module:factory`."""

    kind: Literal["factory"] = "factory"
    form = "`package.module:factory` or `file.py:factory`"

    def claims(self, identifier: str) -> bool:
        place, colon, _ = identifier.rpartition(":")
        return identifier.endswith(".py") or (bool(colon) and (place.endswith(".py") or bool(DOTTED.fullmatch(place))))

    def build(self, request: Request) -> Draft:
        place, _, attribute = request.identifier.rpartition(":")
        if not place or not attribute:
            raise FactoryError(
                f"`{request.identifier}` names no factory",
                where=request.identifier,
                remedy="Name the function after a colon: `file.py:factory`.",
            )
        path = Path(place) if place.endswith(".py") else None
        with _surroundings(path, request.seed):
            made = _call(_factory(_imported(place, path, request.identifier), attribute, request), request, path)
        module, declared = _module_and_inputs(made, request)
        module = without_suppression(module)
        stem = path.stem if path else place
        return Draft(
            module=module,
            inputs=inputs_of(module, declared, request),
            identifier=f"{path.name if path else place}:{attribute}",
            name=file_safe(f"{stem.rpartition('.')[2]}_{attribute}"),
            architecture=f"{type(module).__name__} ({path.name if path else place}:{attribute})",
            carries="own",
            license=_license(module),
        )


@contextlib.contextmanager
def _surroundings(path: Path | None, seed: int) -> Iterator[None]:
    """Imports resolve as if the user had run `python file.py`, or `python -m` in the present folder."""
    before = list(sys.path)
    sys.path.insert(0, str(path.resolve().parent if path else Path.cwd()))
    try:
        with seeded(seed), contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path[:] = before


def _imported(place: str, path: Path | None, identifier: str) -> ModuleType:
    if path is not None and not path.is_file():
        raise FactoryError(f"no file is there: {path}", where=identifier, remedy="Check the path.")
    try:
        return importlib.import_module(place) if path is None else _executed(path)
    except ModuleNotFoundError as error:
        if path is None and error.name is not None and (place + ".").startswith(error.name + "."):
            raise FactoryError(
                f"no module is called `{error.name}`",
                where=identifier,
                remedy="It is looked for in the present folder and in the installed packages.",
            ) from None
        raise _failed("cannot be imported", error, identifier, path) from error
    except (Exception, SystemExit) as error:
        raise _failed("cannot be imported", error, identifier, path) from error


def _executed(path: Path) -> ModuleType:
    """The module in a file, run from its source: nothing is written next to the user's file."""
    module = ModuleType(f"mobiledeploy_factory_{path.stem}")
    module.__file__ = str(path)
    # dataclasses and pickle look their module up by name
    sys.modules[module.__name__] = module
    exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    return module


def _factory(module: ModuleType, attribute: str, request: Request) -> Any:
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise FactoryError(
                f"{request.identifier.rpartition(':')[0]} defines no `{attribute}`",
                where=request.identifier,
                remedy=_offer(module),
            )
        found = getattr(found, part)
    return found


def _offer(module: ModuleType) -> str:
    own = [
        name
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
    ]
    return f"It has: {', '.join(sorted(own)[:8])}." if own else "It defines no function or class."


def _call(factory: Any, request: Request, path: Path | None) -> Any:
    if isinstance(factory, nn.Module):
        return factory
    if not callable(factory):
        raise FactoryError(
            f"the factory is {_kind_of(factory)}, neither a function nor a module",
            where=request.identifier,
            remedy=REMEDY,
        )
    _refuse_arguments(factory, request)
    try:
        return factory()
    except (Exception, SystemExit) as error:
        raise _failed("raised", error, request.identifier, path) from error


def _refuse_arguments(factory: Callable[..., Any], request: Request) -> None:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # a builtin that does not tell
        return
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if needed:
        raise FactoryError(
            f"the factory needs arguments: {', '.join(needed)}",
            where=request.identifier,
            remedy="Write a function without arguments that calls it.",
        )


def _module_and_inputs(made: Any, request: Request) -> tuple[nn.Module, Any]:
    if isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], nn.Module):
        return made
    if isinstance(made, nn.Module):
        return made, None
    raise FactoryError(
        f"the factory returned {_kind_of(made)}, not an nn.Module",
        where=request.identifier,
        remedy="Return the module, or the module and its inputs: `(module, [(1, 3, 224, 224)])`.",
    )


def _kind_of(value: Any) -> str:
    return "nothing" if value is None else f"an object of type {type(value).__name__}"


def _license(module: nn.Module) -> str | None:
    cfg = getattr(module, "pretrained_cfg", None)
    found = cfg.get("license") if isinstance(cfg, dict) else None
    return found if isinstance(found, str) else None


def _failed(what: str, error: BaseException, identifier: str, path: Path | None) -> FactoryError:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    message = " ".join(text.split()) or "no message"
    return FactoryError(
        f"the factory {what}: {type(error).__name__}: {message}",
        where=_line_of(error, path) or identifier,
        remedy="Correct that, or run the file with python to see the whole traceback.",
    )


def _line_of(error: BaseException, path: Path | None) -> str | None:
    """`file:line` of the user's own code: the innermost frame of the named file, else of any file outside the
    installed packages."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if path is not None and f.filename == str(path)]
    outside = [f for f in frames if _outside_packages(f.filename)]
    chosen = own or outside
    return f"{chosen[-1].filename}:{chosen[-1].lineno}" if chosen else None


def _outside_packages(filename: str) -> bool:
    path = Path(filename)
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    return path.is_absolute() and not installed and "mobiledeploy" not in path.parts and "importlib" not in path.parts
