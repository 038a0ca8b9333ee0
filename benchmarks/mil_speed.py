"""The ML Program executor against torch eager: the same network, one process, one thread, interleaved, medians.

    python benchmarks/mil_speed.py [MODEL ...] [--rounds N]

Prints for each model the time of one prediction by torch and the ratios of the executor to it, in float32 and with
fp16 rounding. The bars are 1.05 and 1.3.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from mobiledeploy import mil

MODELS = ("fastvit_t8", "mobilevit_s", "mixer_s16_224", "fastvit_sa12")


def convert(name: str, folder: Path) -> tuple[torch.nn.Module, torch.Tensor, Path]:
    """A timm model with seeded random weights, its input, and its ML Program."""
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
    model = ct.convert(exported, minimum_deployment_target=ct.target.iOS16, skip_model_load=True)
    path = folder / f"{name}.mlpackage"
    model.save(str(path))
    return module, example, path


def measure(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each call, taken in turns so that all meet the same machine."""
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for index in range(rounds + 3):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if index >= 3:
                samples[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in samples.items()}


def compare(name: str, rounds: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        module, example, path = convert(name, Path(folder))
        start = time.perf_counter()
        declared = mil.load(path)
        loading = time.perf_counter() - start
        exact = mil.load(path, precision="float32")
    inputs = {exact.inputs[0].name: example.numpy()}
    with torch.no_grad():
        expected = module(example).numpy()
        found = next(iter(exact.predict(inputs).values()))
        error = np.abs(found - expected).max() / np.abs(expected).max()
        times = measure(
            {
                "torch": lambda: module(example),
                "float32": lambda: exact.predict(inputs),
                "declared": lambda: declared.predict(inputs),
            },
            rounds,
        )
    ratios = [times[precision] / times["torch"] for precision in ("float32", "declared")]
    columns = f"{times['torch'] * 1e3:9.2f} ms {ratios[0]:8.2f}x {ratios[1]:8.2f}x {loading * 1e3:9.0f} ms {error:9.1e}"
    return f"{name:16} {columns}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'model':16} {'torch eager':>12} {'float32':>9} {'declared':>9} {'load':>12} {'error':>9}")
    for name in options.models:
        print(compare(name, options.rounds), flush=True)


if __name__ == "__main__":
    main()
