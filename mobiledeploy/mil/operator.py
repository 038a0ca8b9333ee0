"""What an operator is to the executor: a name, the operator set it appeared in, and how to bind one call of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["Effect", "Family", "Kernel", "Operator", "Opset", "Semantics"]


class Opset(IntEnum):
    """The operator sets, by the iOS release that introduced them."""

    IOS15 = 15
    IOS16 = 16
    IOS17 = 17
    IOS18 = 18
    IOS26 = 26


class Effect(Enum):
    """What an operator does to values, which decides about rounding and about who owns the memory of its results.

    ARITHMETIC: computes new values in new memory; results declared fp16 are rounded to it.
    SELECTION: new memory, but every result value is one that fp16 holds whenever it holds the inputs: not rounded.
    MOVEMENT: moves values about; results may share memory with the inputs: not rounded.
    """

    ARITHMETIC = "arithmetic"
    SELECTION = "selection"
    MOVEMENT = "movement"


@dataclass(frozen=True)
class Kernel:
    """One bound call: `run` takes the values of the parameters named in `operands`, in that order (a variadic parameter
    gives several), and returns the operator's output, or a tuple where it has several."""

    operands: tuple[str, ...]
    run: Callable[..., Any]


Semantics: TypeAlias = "Callable[[Call], Kernel]"


@dataclass(frozen=True)
class Operator:
    """`since`: the first operator set whose calls mean this."""

    name: str
    family: str
    since: Opset
    effect: Effect
    bind: Semantics


class Family:
    """The operators of one file, in the order in which they are declared."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.operators: list[Operator] = []

    def operator(
        self, *names: str, effect: Effect = Effect.ARITHMETIC, since: Opset = Opset.IOS15
    ) -> Callable[[Semantics], Semantics]:
        """Declares that the decorated function binds calls of the operators `names`."""

        def declare(bind: Semantics) -> Semantics:
            self.operators.extend(Operator(name, self.name, since, effect, bind) for name in names)
            return bind

        return declare
