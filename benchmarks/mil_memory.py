"""The memory that loading and predicting takes, each model in a process of its own, on one thread.

    python benchmarks/mil_memory.py [MODEL ...] [--predictions N] [--processes 3] [--json FILE]

A child process imports the libraries and executes something tiny; loads the package, predicts, and drops it (`once`:
what stays, which is torch's: pages of its libraries, the machine code and descriptors that oneDNN makes for each kind
of convolution, and what the C library keeps for the next); then loads it again and predicts N times. `load` and `peak`
are resident high-water marks of this second time (VmHWM of proc(5)) above the memory that was resident before it;
`flat` is what N predictions added to what the first ten left. `total` is the peak above the libraries alone: once and
peak together. Each figure is the median over several processes.

Bars: the peak at most 3x the weights' bytes in the package plus 2x the largest activation (as float32, which is what
the executor computes in), and N predictions leave memory flat within 1 MiB. Above a bar the exit code is 1.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BAR_WEIGHTS, BAR_ACTIVATIONS, BAR_GROWTH_MIB = 3, 2, 1.0
COLUMNS = ("weights", "activation", "once", "load", "peak", "bar", "flat", "total")


def resident(field: str) -> float:
    """MiB; `field` is VmRSS or VmHWM."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 2**10
    raise SystemExit(f"this system does not say {field}")


def settle() -> float:
    """What is resident when everything unused has been given back; the high-water mark starts from here again."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")


def execute_something_tiny() -> None:
    import torch
    from torch.nn import functional

    with torch.no_grad():
        for channels, size in ((8, 8), (16, 16), (64, 32)):
            x = torch.rand(1, channels, size, size)
            for kernel in (1, 3, 7):
                functional.conv2d(x, torch.rand(channels, channels, kernel, kernel), padding=kernel // 2)
                functional.conv2d(x, torch.rand(channels, 1, kernel, kernel), padding=kernel // 2, groups=channels)
            functional.linear(functional.gelu(x), torch.rand(size, size)).half().float()
            functional.layer_norm(functional.silu(x), x.shape[-1:]).softmax(-1).mean((2, 3))


def largest_activation(model: Any, inputs: Mapping[str, Any]) -> float:
    """MiB of the largest tensor that an operator gives."""
    sizes = [0]

    def listen(_: Any, outputs: tuple[Any, ...]) -> None:
        sizes.extend(value.numel() * value.element_size() for value in outputs if hasattr(value, "numel"))

    model.predict(inputs, listener=listen)
    return max(sizes) / 2**20


def child(package: str, predictions: int) -> dict[str, float]:
    import numpy as np
    import torch

    from mobiledeploy import mil

    torch.set_num_threads(1)
    execute_something_tiny()
    libraries = settle()
    model = mil.load(package)
    inputs = {f.name: np.random.default_rng(0).random(f.shape, np.float32) for f in model.inputs}
    activation = largest_activation(model, inputs)
    model.predict(inputs)
    del model
    before = settle()
    model = mil.load(package)
    load = resident("VmHWM") - before
    for _ in range(10):
        model.predict(inputs)
    first = resident("VmRSS")
    for _ in range(predictions - 10):
        model.predict(inputs)
    peak = resident("VmHWM")
    weights = sum(file.stat().st_size for file in Path(package).rglob("*.bin")) / 2**20
    return {
        "weights": weights,
        "activation": activation,
        "once": before - libraries,
        "load": load,
        "peak": peak - before,
        "bar": BAR_WEIGHTS * weights + BAR_ACTIVATIONS * activation,
        "flat": resident("VmRSS") - first,
        "total": peak - libraries,
    }


def measure(package: Path, predictions: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", str(package), "--predictions", str(predictions)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True)
    found: dict[str, float] = json.loads(result.stdout)
    return found


def median(processes: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of each figure: where the C library puts what, and so what it can give back, differs from process to process."""
    return {column: statistics.median(found[column] for found in processes) for column in COLUMNS}


def main() -> int:
    from mil_speed import MODELS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--predictions", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child, options.predictions)))
        return 0
    return compare(options)


def compare(options: argparse.Namespace) -> int:
    from measure import conditions
    from mil_speed import convert

    print("MiB".ljust(24) + "".join(column.rjust(12) for column in COLUMNS))
    results: dict[str, dict[str, float]] = {}
    for name in options.models:
        for precision in ("float16", "float32"):
            with tempfile.TemporaryDirectory() as folder:
                _, _, package = convert(name, Path(folder), precision)
                found = median([measure(package, options.predictions) for _ in range(options.processes)])
            results[f"{name} {precision}"] = found
            cells = "".join(f"{found[column]:12.1f}" for column in COLUMNS)
            print(f"{name} {precision}".ljust(24) + cells, flush=True)
    if options.json:
        options.json.write_text(json.dumps({"conditions": conditions(), "results": results}, indent=2) + "\n")
    return int(any(found["peak"] > found["bar"] or found["flat"] > BAR_GROWTH_MIB for found in results.values()))


if __name__ == "__main__":
    sys.exit(main())
