"""What an exported folder says of itself.

`manifest.json`: what it holds, where it came from, what was proven of it; the same bytes on every machine.
`proof.json`: the figures of that proof, which the last digits of one machine's arithmetic are in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from mobiledeploy.records.parity import ParityReport
from mobiledeploy.records.precision import MixedPrecision
from mobiledeploy.records.rewrite import RewriteLog
from mobiledeploy.records.source import InputSpec, SourceRecord

__all__ = ["ExportOptions", "FlexibleSizes", "Manifest", "ParityClaim", "Proof"]


@dataclass(frozen=True)
class ExportOptions:
    """What an export was asked for, as far as it can change the bytes of the result.

    `precision`: "mixed" is float16 but for the operators that parity needs in float32. `substitute`: approximations
    asked for, each `from=to`; `min_drift_psnr`: the least PSNR in dB that they must leave every output against the
    unchanged model. `flexible`: the sizes (height, width) in pixels that one package shall take, or none.
    `output_names`: in the place of the model's own, in order.
    """

    targets: tuple[str, ...] = ("coreml",)
    weights: str = "auto"
    resolution: tuple[int, int] | None = None
    precision: Literal["float16", "float32", "mixed"] = "float16"
    deployment_target: str = "iOS16"
    input_type: Literal["image", "tensor"] | None = None
    labels: str | None = None
    skip: tuple[str, ...] = ()
    substitute: tuple[str, ...] = ()
    flexible: tuple[tuple[int, int], ...] = ()
    output_names: tuple[str, ...] = ()
    min_psnr: float | None = None
    min_drift_psnr: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class FlexibleSizes:
    """How `artifact` takes pictures of several sizes.

    `sizes`: (height, width) in pixels, the default first. `form`: "enumerated", one function whose input enumerates
    them; "functions", one function for each, `functions[i]` for `sizes[i]`. `reason`: why it has that form.
    """

    artifact: str
    form: Literal["enumerated", "functions"]
    sizes: tuple[tuple[int, int], ...]
    reason: str
    functions: tuple[str, ...] = ()

    def function(self, size: tuple[int, int]) -> str | None:
        """The function that takes pictures of `size`, None for the only one."""
        return self.functions[self.sizes.index(size)] if self.functions else None


@dataclass(frozen=True)
class ParityClaim:
    """`artifact` was executed by `runner` on `samples`, and each of `outputs` reached `bar_db` (PSNR against the
    original, dB; with `approximations`, against the original in which they were made) and the reference's best
    class. `size`: of the pictures, (height, width), where it takes several."""

    artifact: str
    runner: str
    precision: str
    bar_db: float
    samples: tuple[str, ...]
    outputs: tuple[str, ...]
    approximations: tuple[str, ...] = ()
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Manifest:
    """`files`: SHA-256 of every file of the folder but this one and the proof, by relative path. `versions`: of every
    library that shapes the bytes. `capture`: how the graph was taken (export, strict or not). With `flexible`,
    one entry per package, `inputs` and `rewrite` are those of the default size. `mixed`: of packages that were exported
    with `--precision mixed`, what is in float32."""

    schema: ClassVar[str] = "mobiledeploy.manifest/1"
    name: str
    source: SourceRecord
    options: ExportOptions
    inputs: tuple[InputSpec, ...]
    outputs: tuple[str, ...]
    capture: str
    rewrite: RewriteLog
    parity: tuple[ParityClaim, ...]
    versions: Mapping[str, str]
    files: Mapping[str, str]
    flexible: tuple[FlexibleSizes, ...] = ()
    mixed: tuple[MixedPrecision, ...] = ()


@dataclass(frozen=True)
class Proof:
    """What was measured when the artifact was made. `conditions`: of the machine, as text. `rewrite_errors`: by rule,
    in float64; `rewrite_error`: of all exact rules together. `activation_errors`: by approximation, the largest
    difference of the two activations on the values that they met in the samples."""

    schema: ClassVar[str] = "mobiledeploy.proof/1"
    conditions: Mapping[str, str]
    rewrite_error: float
    rewrite_errors: Mapping[str, float]
    parity: tuple[ParityReport, ...]
    activation_errors: Mapping[str, float] = field(default_factory=dict)
