"""What the original model gave on the samples: recorded once, kept with the artifact, judged against anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mobiledeploy.errors import InternalError, PackageError, ParityError
from mobiledeploy.parity.archive import read_arrays, write_arrays
from mobiledeploy.parity.feeds import program_feed
from mobiledeploy.parity.samples import Sample

if TYPE_CHECKING:
    from mobiledeploy.records import InputSpec

__all__ = ["Reference", "joined", "load", "record_reference", "save", "starting_with"]

# A sample may be of one of several sizes, as 256x256/natural is; else its name has no slash.
_SAMPLE = re.compile(r"((?:\d+x\d+/)?[^/]+)/")

Run = Callable[[tuple[NDArray[np.generic], ...]], tuple[NDArray[np.generic], ...]]
"""The original model: one array per input as `program_feed` gives it, to one array per output."""


@dataclass(frozen=True)
class Reference:
    """`outputs[i]`: the original model's outputs on `samples[i]`, by name. Where approximations were asked for they are
    those of the original with the approximations in it, and `originals[i]` those of the original as it was."""

    samples: tuple[Sample, ...]
    outputs: tuple[Mapping[str, NDArray[np.generic]], ...]
    originals: tuple[Mapping[str, NDArray[np.generic]], ...] = ()


def joined(references: Sequence[Reference]) -> Reference:
    """One reference with the samples of all, which have names of their own."""
    return Reference(
        tuple(sample for reference in references for sample in reference.samples),
        tuple(outputs for reference in references for outputs in reference.outputs),
        tuple(originals for reference in references for originals in reference.originals),
    )


def starting_with(reference: Reference, prefix: str) -> Reference:
    """The part of the reference whose samples' names begin with `prefix`."""
    chosen = [index for index, sample in enumerate(reference.samples) if sample.name.startswith(prefix)]
    return Reference(
        tuple(reference.samples[index] for index in chosen),
        tuple(reference.outputs[index] for index in chosen),
        tuple(reference.originals[index] for index in chosen if reference.originals),
    )


def record_reference(
    run: Run, inputs: tuple[InputSpec, ...], output_names: tuple[str, ...], samples: tuple[Sample, ...]
) -> Reference:
    """Runs the original model on every sample.

    Raises ParityError where the model itself gives NaN or infinity: nothing can be held against that.
    """
    return Reference(samples, tuple(_outputs(run, inputs, output_names, sample) for sample in samples))


def _outputs(
    run: Run, inputs: tuple[InputSpec, ...], output_names: tuple[str, ...], sample: Sample
) -> dict[str, NDArray[np.generic]]:
    values = run(tuple(program_feed(spec, sample.arrays[spec.name]) for spec in inputs))
    if len(values) != len(output_names):
        raise InternalError(f"the model gives {len(values)} outputs, {len(output_names)} are named: {output_names}")
    for name, value in zip(output_names, values, strict=True):
        _check_finite(name, value, sample)
    return dict(zip(output_names, values, strict=True))


def _check_finite(output: str, value: NDArray[np.generic], sample: Sample) -> None:
    if np.isfinite(value).all():
        return
    kind = "NaN" if np.isnan(value).any() else "infinity"
    raise ParityError(
        f"the original model itself gives {kind} in output `{output}` on the sample {sample.name!r}",
        remedy="Check its weights and its preprocessing: there is nothing to hold a conversion against.",
    )


def save(reference: Reference, path: Path) -> None:
    """Writes `reference` as .npz with keys `inputs/<sample>/<input>`, `outputs/<sample>/<output>` and, where there are
    any, `originals/<sample>/<output>`; the same reference gives the same bytes. Raises OutputError."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for sample, outputs in zip(reference.samples, reference.outputs, strict=True):
        arrays |= {f"inputs/{sample.name}/{name}": array for name, array in sample.arrays.items()}
        arrays |= {f"outputs/{sample.name}/{name}": array for name, array in outputs.items()}
    if reference.originals:
        for sample, outputs in zip(reference.samples, reference.originals, strict=True):
            arrays |= {f"originals/{sample.name}/{name}": array for name, array in outputs.items()}
    write_arrays(path, arrays)


def load(path: Path) -> Reference:
    """The reference in `path`. Raises PackageError if it cannot be read, is damaged, or is no reference."""
    inputs: dict[str, dict[str, NDArray[np.generic]]] = {}
    outputs: dict[str, dict[str, NDArray[np.generic]]] = {}
    originals: dict[str, dict[str, NDArray[np.generic]]] = {}
    sides = {"inputs": inputs, "outputs": outputs, "originals": originals}
    for key, array in read_arrays(path).items():
        side, _, rest = key.partition("/")
        found = _SAMPLE.match(rest)
        sample, name = (found.group(1), rest[found.end() :]) if found else ("", "")
        if side not in sides or not name:
            raise _foreign(path, f"its array {key!r} is neither an input nor an output of a sample")
        sides[side].setdefault(sample, {})[name] = array
    if not inputs:
        raise _foreign(path, "it holds no sample")
    if list(inputs) != list(outputs) or any(list(o) != list(outputs[next(iter(inputs))]) for o in outputs.values()):
        raise _foreign(path, "its samples do not all have the same outputs")
    if originals and {name: list(o) for name, o in originals.items()} != {name: list(o) for name, o in outputs.items()}:
        raise _foreign(path, "its originals are not of the same outputs")
    samples = tuple(Sample(name, arrays) for name, arrays in inputs.items())
    kept = tuple(originals[sample.name] for sample in samples) if originals else ()
    return Reference(samples, tuple(outputs[sample.name] for sample in samples), kept)


def _foreign(path: Path, why: str) -> PackageError:
    return PackageError(
        f"{path.name} is no reference of ours: {why}", where=str(path), remedy="Export the model again."
    )
