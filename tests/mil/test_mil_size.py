"""Bounds on time and memory: what is refused before it is tried."""

from __future__ import annotations

import pytest

from mobiledeploy.mil import size


def test_a_shape_is_checked() -> None:
    assert size.checked_shape((2, 0, 3)) == [2, 0, 3]
    assert size.checked_shape(()) == []
    assert size.checked_shape([size.MAX_ELEMENTS]) == [size.MAX_ELEMENTS]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, -1), r"shape \[2, -1\] has a negative size"),
        ((size.MAX_ELEMENTS + 1,), "is larger than"),
        ((2**62, 2**62), "is larger than"),
        ((2**62, 0), "is larger than"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(shape, message) -> None:
    with pytest.raises(ValueError, match=message):
        size.checked_shape(shape)


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        (((2, 1), (3,)), [2, 3]),
        (((4, 1, 2), (3, 1), ()), [4, 3, 2]),
        (((1,), (0,)), [0]),
        (((), ()), []),
    ],
)
def test_shapes_broadcast_as_numpys_do(shapes, expected) -> None:
    assert size.broadcast_shape(*shapes) == expected


def test_shapes_that_do_not_broadcast_are_named() -> None:
    with pytest.raises(ValueError, match=r"the shapes \(2, 3\) and \(4,\) do not broadcast"):
        size.broadcast_shape((2, 3), (4,))
    with pytest.raises(ValueError, match="is larger than"):
        size.broadcast_shape((2**20, 1), (1, 2**20))


def test_counts_and_work_are_bounded() -> None:
    assert size.check_places(size.MAX_PLACES) == size.MAX_PLACES
    for count in (-1, size.MAX_PLACES + 1):
        with pytest.raises(ValueError, match=f"a count of {count} is not between 0 and"):
            size.check_places(count)
    size.check_work(2**20, 2**20)
    with pytest.raises(ValueError, match="steps are more than"):
        size.check_work(2**20, 2**20, 2)


@pytest.fixture
def machine(monkeypatch) -> list[int]:
    """How often the machine was asked for its free memory, of which it has 100 MiB."""
    asked: list[int] = []
    monkeypatch.setattr(size, "_free_bytes", lambda: asked.append(1) or 100 * 2**20)
    monkeypatch.setattr(size, "_ACCOUNT", size._Account())
    return asked


def test_what_the_machine_has_no_memory_for_is_refused(machine) -> None:
    size.check_memory(99 * 2**20)
    with pytest.raises(ValueError, match="101 MiB are needed, 100 MiB are free"):
        size.check_memory(101 * 2**20)
    with pytest.raises(ValueError, match="128 MiB are needed"):
        size.checked_shape([2**25])


def test_little_by_little_it_is_asked_as_well_but_not_each_time(machine) -> None:
    for _ in range(1000):
        size.check_memory(2**18)
    assert len(machine) == 250 // 64


def test_a_machine_that_does_not_say_is_trusted(monkeypatch) -> None:
    monkeypatch.setattr(size, "_free_bytes", lambda: None)
    size.check_memory(2**60)


def test_the_free_memory_of_this_machine_is_known_and_a_containers_is_less(monkeypatch, tmp_path) -> None:
    free = size._free_bytes()
    assert free is None or free > 2**20
    monkeypatch.setattr(size, "_CGROUP", tmp_path)
    assert size._free_of_container(7) == 7
    for name, text in (("memory.max", "1000"), ("memory.current", "900"), ("memory.stat", "anon 850\nfile 50\n")):
        (tmp_path / name).write_text(text)
    assert size._free_of_container(2**40) == 150
    (tmp_path / "memory.max").write_text("max")
    assert size._free_of_container(7) == 7
