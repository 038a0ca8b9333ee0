"""The package's own source, read and not imported."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

import mobiledeploy

ROOT = Path(mobiledeploy.__file__).parent


@dataclass(frozen=True)
class Import:
    """`module` as written, resolved to a module of ours where it is one. `typing_only`: below `if TYPE_CHECKING`."""

    module: str
    names: tuple[str, ...]
    line: int
    typing_only: bool


@dataclass(frozen=True)
class SourceFile:
    """`name`: dotted; that of a package for its `__init__.py`. `path`: below the package, with slashes."""

    name: str
    path: str
    text: str
    tree: ast.Module
    is_package: bool
    imports: tuple[Import, ...]

    @property
    def layer(self) -> str:
        """The first part below `mobiledeploy`; empty for the package itself."""
        return self.name.partition(".")[2].partition(".")[0]


@pytest.fixture(scope="session")
def sources() -> dict[str, SourceFile]:
    """Every module of mobiledeploy by its dotted name."""
    paths = {dotted(path): path for path in sorted(ROOT.rglob("*.py"))}
    assert len(paths) > 20
    return {name: read(name, path, set(paths)) for name, path in paths.items()}


def dotted(path: Path) -> str:
    parts = ("mobiledeploy", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read(name: str, path: Path, modules: set[str]) -> SourceFile:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text, filename=str(path))
    found = tuple(found_import for found_import in imports_of(tree, modules))
    return SourceFile(name, path.relative_to(ROOT).as_posix(), text, tree, path.name == "__init__.py", found)


def imports_of(tree: ast.Module, modules: set[str]) -> list[Import]:
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, (), node.lineno, id(node) in guarded) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            assert node.module is not None
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                module, names = (below, ()) if below in modules else (node.module, (alias.name,))
                found.append(Import(module, names, node.lineno, id(node) in guarded))
    return found
