"""Operators of a program and the lines they came from."""

from __future__ import annotations

import inspect

from mixed_networks import LinearAttention, opened

from mobiledeploy.parity.origins import source_lines


def line_of(text: str) -> int:
    lines, first = inspect.getsourcelines(LinearAttention)
    return first + next(index for index, line in enumerate(lines) if text in line)


def test_every_operator_has_its_line(convert) -> None:
    found = opened(convert, LinearAttention())
    lines = source_lines(found.trial.blend, found.half.program)
    numbers = {name: int(line.rpartition(":")[2]) for name, line in lines.items()}
    assert set(numbers) == set(found.names)
    assert all(line.startswith(__file__.replace("test_parity_origins", "mixed_networks")) for line in lines.values())
    assert numbers["matmul_1"] == numbers["div"] == line_of("x = (q @ state)")
    # translated under a name that no node has: the line of what reads it first
    assert numbers["split_0"] == numbers["mul_1_1"] == line_of("torch.relu(k) * 20.0")
    assert numbers["logits"] == line_of("return self.head")
