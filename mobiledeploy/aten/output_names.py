"""What the outputs are called: by the model itself, or as the user says.

`{"logits": (1, 1000), 0: (1, 4)}`   ──▶   logits, output_0          and with --output-names a,b   ──▶   a, b
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mobiledeploy.errors import InputError

if TYPE_CHECKING:
    import torch

__all__ = ["CLASS_LABEL", "PROBABILITIES", "given_names", "unique_names"]

PROBABILITIES = "probabilities"
CLASS_LABEL = "classLabel"
"""What a classifier's added outputs are called: the array in every format, and Core ML's own name of the label."""

_WHERE = "--output-names"
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def unique_names(names: Sequence[str], taken: set[str]) -> tuple[str, ...]:
    """Each name as an identifier that neither an input (`taken`) nor an earlier output has."""
    result: list[str] = []
    for name in names:
        plain = re.sub(r"\W", "_", name, flags=re.ASCII)
        plain = plain if not plain[:1].isdigit() else f"output_{plain}"
        candidates = [plain, *(f"{plain}_{number}" for number in range(1, len(names) + len(taken) + 1))]
        result.append(next(c for c in candidates if c not in taken and c not in result))
    return tuple(result)


def given_names(
    wanted: Sequence[str],
    outputs: Sequence[tuple[str, torch.Tensor]],
    *,
    inputs: Sequence[str],
    is_classifier: bool,
) -> tuple[str, ...]:
    """`wanted`, where it can name `outputs` (each under the model's own name), in order.

    Raises InputError that lists the model's outputs: for another number of names, a name given twice, one that is no
    identifier, one that an input has, and for what a classifier's added outputs are called.
    """
    taken = dict.fromkeys(inputs, "an input has that name")
    taken |= dict.fromkeys(
        (PROBABILITIES, CLASS_LABEL) if is_classifier else (), "--labels adds an output of that name"
    )
    counts = Counter(wanted)
    refused = next((f"`{name}`: {taken[name]}" for name in wanted if name in taken), None)
    if len(wanted) != len(outputs):
        refused = f"{_counted(len(wanted), 'name')} for {_counted(len(outputs), 'output')}"
    elif any(not _IDENTIFIER.fullmatch(name) for name in wanted):
        wrong = next(name for name in wanted if not _IDENTIFIER.fullmatch(name))
        refused = f"`{wrong}` cannot name an output: letters, digits and _ only, and no digit first"
    elif max(counts.values()) > 1:
        refused = f"`{counts.most_common(1)[0][0]}` is given twice"
    if refused is None:
        return tuple(wanted)
    listed = ", ".join(f"{name} {'x'.join(map(str, tensor.shape)) or 'scalar'}" for name, tensor in outputs)
    raise InputError(refused, where=_WHERE, remedy=f"The model's outputs, in order: {listed}.")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
