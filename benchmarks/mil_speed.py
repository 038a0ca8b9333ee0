"""The ML Program executor against torch eager: the same network, one process, one thread, interleaved, medians.

    python benchmarks/mil_speed.py [MODEL ...] [--rounds N] [--json FILE]

Prints for each model the time of one prediction by torch eager, the ratios of both backends to it in float32 and as
declared (with fp16 rounding), and the seconds that loading for the torch backend takes. Above a bar of `BARS` the exit
code is 1.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from measure import conditions

from mobiledeploy import mil

MODELS = ("fastvit_t8", "mobilevit_s", "mixer_s16_224", "fastvit_sa12")
BARS = {
    "torch float32": 1.05,
    "torch declared": 1.3,
    "onnxruntime float32": 0.6,
    "onnxruntime declared": 0.6,
    "load": 0.5,
}


def convert(name: str, folder: Path, precision: str = "float16") -> tuple[torch.nn.Module, torch.Tensor, Path]:
    """A timm model with seeded random weights, its input, and its ML Program of `precision`, float16 or float32."""
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    import coremltools as ct
    import timm

    torch.manual_seed(0)
    module = timm.create_model(name).eval()
    with torch.no_grad():
        # some heads start at zero: their outputs would compare nothing
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.01)
    if hasattr(module, "reparameterize"):
        module.reparameterize()
    example = torch.rand(1, *module.default_cfg["input_size"])
    exported = torch.export.export(module, (example,)).run_decompositions({})
    model = ct.convert(
        exported,
        minimum_deployment_target=ct.target.iOS16,
        compute_precision=getattr(ct.precision, precision.upper()),
        skip_model_load=True,
    )
    path = folder / f"{name}.mlpackage"
    model.save(str(path))
    return module, example, path


def compare(name: str, rounds: int) -> dict[str, float]:
    """Ratios to torch eager by what computed, its milliseconds, the load in seconds, and the error in float32."""
    with tempfile.TemporaryDirectory() as folder:
        module, example, path = convert(name, Path(folder))
        loading = statistics.median(seconds(lambda: mil.load(path)) for _ in range(5))
        models = {
            f"{backend} {precision}": mil.load(path, precision=precision, backend=backend)
            for backend in ("torch", "onnxruntime")
            for precision in ("float32", "declared")
        }
    inputs = {models["torch float32"].inputs[0].name: example.numpy()}
    with torch.no_grad():
        expected = module(example).numpy()
        found = next(iter(models["torch float32"].predict(inputs).values()))
        calls = {key: partial(model.predict, inputs) for key, model in models.items()}
        times = measure({"eager": partial(module, example), **calls}, rounds)
    ratios = {key: ratio(times[key], times["eager"]) for key in models}
    error = float(np.abs(found - expected).max() / np.abs(expected).max())
    return {"eager": statistics.median(times["eager"]) * 1e3, **ratios, "load": loading, "error": error}


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call, taken in turns so that all meet the same machine; the first three rounds do not count."""
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for index in range(rounds + 3):
        for name, call in calls.items():
            taken = seconds(call)
            if index >= 3:
                samples[name].append(taken)
    return samples


def ratio(numerator: list[float], denominator: list[float]) -> float:
    """The median of the rounds' own ratios: the calls of one round are neighbours in time."""
    return statistics.median(one / other for one, other in zip(numerator, denominator, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("".ljust(16) + f"{'eager':>12}" + "".join(f"{column:>22}" for column in BARS) + f"{'error':>10}")
    results = {}
    for name in options.models:
        found = results[name] = compare(name, options.rounds)
        cells = "".join(f"{found[column]:21.2f}{'s' if column == 'load' else 'x'}" for column in BARS)
        print(f"{name:16}{found['eager']:9.2f} ms{cells}{found['error']:10.1e}", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"conditions": conditions(), "results": results}, indent=2) + "\n")
    return int(any(found[column] > bar for found in results.values() for column, bar in BARS.items()))


if __name__ == "__main__":
    sys.exit(main())
