"""Mistakes made by rule, everywhere: what nobody thought of declaring.

mutmut (3.8) leaves out every function with a decorator, which is every operator; cosmic-ray (8.7) writes into the
checkout and starts a Python for each mistake. So the places are found here, by the syntax tree. Many of these mistakes
change nothing that matters (a bound that is never reached): the share that is caught is a figure, not a bar.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mutant import source_of

__all__ = ["GenericMutant", "generic_mutants"]

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATIONS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
}


@dataclass(frozen=True)
class GenericMutant:
    """`module`: below `mobiledeploy.mil`. `line`: of the original. `source`: the whole module with one mistake."""

    module: str
    line: int
    what: str
    source: str

    @property
    def name(self) -> str:
        return f"{self.module}:{self.line}: {self.what}"


def generic_mutants(module: str) -> Iterator[GenericMutant]:
    """One mutant for each place of the module where a rule applies, in the order of the tree."""
    tree = ast.parse(source_of(f"mobiledeploy.mil.{module}"))
    silent = _outside_the_program(tree)
    for index, node in enumerate(ast.walk(tree)):
        if id(node) in silent:
            continue
        if change := _change(node):
            broken = copy.deepcopy(tree)
            change[1](_nth(broken, index))
            yield GenericMutant(module, node.lineno, change[0], ast.unparse(broken))


def _nth(tree: ast.AST, index: int) -> ast.AST:
    return next(node for place, node in enumerate(ast.walk(tree)) if place == index)


def _outside_the_program(tree: ast.AST) -> set[int]:
    """Nodes that are never computed with: annotations, what is imported for types only, messages of errors."""
    silent: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = [node.exc] if isinstance(node, ast.Raise) else []
        parts += [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            parts.append(node)
        silent.update(id(inner) for part in parts if part is not None for inner in ast.walk(part))
    return silent


def _change(node: ast.AST) -> tuple[str, Callable[[ast.AST], None]] | None:
    """What the rule for this node says and does, None where there is none."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            other = _COMPARISONS[type(op)]
            return f"{type(op).__name__} to {other.__name__}", lambda n: setattr(n, "ops", [other()])
        case ast.BinOp(op=op) if type(op) in _OPERATIONS:
            operation = _OPERATIONS[type(op)]
            return f"{type(op).__name__} to {operation.__name__}", lambda n: setattr(n, "op", operation())
        case ast.Constant(value=bool(value)):
            return f"{value} to {not value}", lambda n: setattr(n, "value", not value)
        case ast.Constant(value=int(value)) | ast.Constant(value=float(value)):
            return f"{value} to {value + 1}", lambda n: setattr(n, "value", value + 1)
        case ast.UnaryOp(op=ast.USub() | ast.Not() as op):
            return f"without {type(op).__name__}", _double
        case ast.IfExp():
            return "branches exchanged", _exchange
    return None


def _double(node: ast.AST) -> None:
    """Twice the sign, or twice `not`, is none."""
    node.operand = ast.UnaryOp(op=node.op, operand=node.operand)


def _exchange(node: ast.AST) -> None:
    node.body, node.orelse = node.orelse, node.body
