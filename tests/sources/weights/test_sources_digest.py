"""The hash of a state dict: it sees names, types, shapes and bytes, nothing else, and is fast."""

from __future__ import annotations

import hashlib
import time

import torch

from mobiledeploy.sources.weights.digest import state_sha256


def test_it_is_the_documented_text_and_bytes() -> None:
    state = {"b": torch.tensor([[1.0, 2.0]]), "a": torch.tensor(3)}
    text = b"a int64 ()\n" + (3).to_bytes(8, "little") + b"b float32 (1, 2)\n" + b"\x00\x00\x80?\x00\x00\x00@"
    assert state_sha256(state) == hashlib.sha256(text).hexdigest()


def test_order_and_layout_do_not_matter() -> None:
    plain = torch.arange(12.0).reshape(1, 3, 2, 2)
    last = plain.to(memory_format=torch.channels_last)
    assert state_sha256({"a": plain, "b": plain}) == state_sha256({"b": last, "a": last})


def test_name_type_shape_and_value_matter() -> None:
    zeros = torch.zeros(4)
    different = [
        {"w": zeros},
        {"v": zeros},
        {"w": zeros.reshape(2, 2)},
        {"w": zeros.half()},
        {"w": zeros.int()},
        {"w": -zeros},
        {"w": torch.zeros(0)},
        {},
    ]
    assert len({state_sha256(state) for state in different}) == len(different)


def test_bfloat16_has_a_hash() -> None:
    assert state_sha256({"w": torch.ones(2, dtype=torch.bfloat16)}) != state_sha256({"w": torch.ones(2).half()})


def test_sixty_million_parameters_take_less_than_a_third_of_a_second() -> None:
    state = {"w": torch.zeros(60_000_000)}
    seconds = min(_timed(state) for _ in range(3))
    assert seconds < 0.3


def _timed(state: dict[str, torch.Tensor]) -> float:
    started = time.process_time()
    state_sha256(state)
    return time.process_time() - started
