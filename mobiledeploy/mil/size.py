"""Bounds on what one operator may allocate: a damaged or hostile program must not take the machine's memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import prod
from pathlib import Path

__all__ = [
    "MAX_ELEMENTS",
    "MAX_PLACES",
    "broadcast_shape",
    "check_memory",
    "check_places",
    "check_work",
    "checked_shape",
]

# 2 GiB of float32: far above any activation of a model that runs on a phone
MAX_ELEMENTS = 2**29
# of a list of tensors, steps of a recurrent layer, boxes: what is gone through one by one
MAX_PLACES = 2**20
# multiplications, or what else is done with each element under a window: minutes of one core
MAX_WORK = 2**40
# how much may be allocated before anybody asks how much memory there is, which takes as long as to write a megabyte
_LARGE_BYTES = 2**26

_CGROUP = Path("/sys/fs/cgroup")


def checked_shape(shape: Sequence[int]) -> list[int]:
    """The shape as a list. Raises ValueError if a size is negative, if there would be more than `MAX_ELEMENTS`, or if
    the machine has no memory for them as float32."""
    sizes = [int(size) for size in shape]
    if min(sizes, default=0) < 0:
        raise ValueError(f"shape {sizes} has a negative size")
    # an absurd size is none the less so beside a size of zero
    if prod(max(1, size) for size in sizes) > MAX_ELEMENTS:
        raise ValueError(f"a tensor of shape {sizes} is larger than {MAX_ELEMENTS} elements")
    check_memory(4 * prod(sizes))
    return sizes


def broadcast_shape(*shapes: Sequence[int]) -> list[int]:
    """What tensors of these shapes broadcast to, checked. Raises ValueError if they do not."""
    sizes = []
    for lengths in zip_longest(*map(reversed, shapes), fillvalue=1):
        wide = {length for length in lengths if length != 1} or {1}
        if len(wide) > 1:
            raise ValueError(f"the shapes {' and '.join(str(tuple(shape)) for shape in shapes)} do not broadcast")
        sizes.append(wide.pop())
    return checked_shape(sizes[::-1])


def check_places(count: int) -> int:
    """The count. Raises ValueError if it is negative or above `MAX_PLACES`."""
    if not 0 <= count <= MAX_PLACES:
        raise ValueError(f"a count of {count} is not between 0 and {MAX_PLACES}")
    return count


def check_work(*factors: int) -> None:
    """Raises ValueError if the product of the factors is above `MAX_WORK`."""
    if (work := prod(factors)) > MAX_WORK:
        raise ValueError(f"{work} steps are more than {MAX_WORK}")


@dataclass
class _Account:
    """Bytes allocated since the machine was last asked."""

    unchecked: int = 0


_ACCOUNT = _Account()


def check_memory(needed: int) -> None:
    """Takes note that `needed` bytes are allocated; from time to time raises ValueError if the machine has not as many
    free. Linux promises memory that it does not have, and ends the process that uses it."""
    _ACCOUNT.unchecked += needed
    if _ACCOUNT.unchecked < _LARGE_BYTES:
        return
    needed, _ACCOUNT.unchecked = _ACCOUNT.unchecked, 0
    free = _free_bytes()
    if free is not None and needed > free:
        raise ValueError(f"{needed >> 20} MiB are needed, {free >> 20} MiB are free")


def _free_bytes() -> int | None:
    """Memory that can be had without swapping, None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        try:
            free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (AttributeError, OSError, ValueError):
            return None
    return min(free, _free_of_container(free))


def _free_of_container(free: int) -> int:
    """What a container may still use, `free` where there is none; what it keeps of files goes when it is needed."""
    try:
        limit, used = (int((_CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        statistics = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        return max(0, limit - used + int(statistics["file"]))
    except (OSError, ValueError, KeyError):
        return free
