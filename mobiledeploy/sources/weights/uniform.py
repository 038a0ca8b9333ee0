"""Random numbers that are the same on every machine, in every version of torch and NumPy.

Only the raw bits of NumPy's PCG64 are used, whose stream is fixed by its algorithm (O'Neill, "PCG: A Family of Simple
Fast Space-Efficient Statistically Good Algorithms for Random Number Generation", 2014), and only arithmetic that
IEEE 754 rounds exactly: no generator of torch's, no logarithm, no sine.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

__all__ = ["uniform"]


def uniform(seed: int, name: str, count: int, low: float, high: float) -> npt.NDArray[np.float32]:
    """`count` float32 values in [low, high), a function of `seed` and `name` alone.

    Each is 24 of 32 raw bits, so that the fraction is exact in float32.
    """
    key = int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:16], "little")
    raw = np.random.PCG64(key).random_raw((count + 1) // 2).astype("<u8", copy=False).view("<u4")[:count]
    fraction = (raw >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
    fraction *= np.float32(high - low)
    fraction += np.float32(low)
    return fraction
