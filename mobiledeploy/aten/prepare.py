"""The user's module in the form that is exported: positional tensors in, a flat tuple of named tensors out.

    pixels 0..255 ──(/255 - mean)/std──▶ module ──▶ pytree ──flatten──▶ (logits, …) ──softmax──▶ + probabilities

An image input is normalized inside the program, because Core ML's own image scaling has one scale for all channels
(coremltools, `ImageType`) and so cannot express a per-channel standard deviation.
"""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mobiledeploy.aten.frames import user_line_of
from mobiledeploy.aten.output_names import CLASS_LABEL, PROBABILITIES, given_names, unique_names
from mobiledeploy.errors import CaptureError, LabelsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mobiledeploy.records import InputSpec

__all__ = ["PreparedModule", "prepare"]


_CASTS = (
    "The model is exported from float32: leave .half(), .double() and .to(dtype) out of its forward(); --precision "
    "says what the result holds."
)


class PixelNormalization(nn.Module):
    """(N, C, H, W) float32 pixels 0..255 to what the model was trained on: `pixel * 1/(255 std) - mean/std`."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        mean64, std64 = torch.tensor(mean, dtype=torch.float64), torch.tensor(std, dtype=torch.float64)
        self.register_buffer("shift", (255 * mean64).float().reshape(-1, 1, 1))
        self.register_buffer("scale", (1 / (255 * std64)).float().reshape(-1, 1, 1))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        # The shift comes first: its fold into the first convolution's weights stays exact at a zero-padded border
        # only for the scale, and 0..255 minus a mean keeps fp16's whole precision.
        return (pixels - self.shift) * self.scale


class PreparedModule(nn.Module):
    """`model` behind its pixel normalization, its outputs flattened in `output_names`' order.

    With `with_probabilities` a softmax of the first output is appended, as Core ML's classifiers expect.
    """

    def __init__(
        self, model: nn.Module, inputs: tuple[InputSpec, ...], output_names: tuple[str, ...], with_probabilities: bool
    ) -> None:
        super().__init__()
        self.model = model
        self.normalizations = nn.ModuleList(_normalization(spec) for spec in inputs)
        self.output_names = output_names
        self.with_probabilities = with_probabilities

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        prepared = [normalize(x) for normalize, x in zip(self.normalizations, inputs, strict=True)]
        outputs = tuple(tensor for _, tensor in named_outputs(self.model(*prepared)))
        if self.with_probabilities:
            return (*outputs, torch.softmax(outputs[0], dim=-1))
        return outputs


def prepare(
    model: nn.Module,
    inputs: tuple[InputSpec, ...],
    labels: tuple[str, ...] | None = None,
    output_names: tuple[str, ...] = (),
) -> PreparedModule:
    """Puts the model in eval mode and its parameters in float32, in place, and runs it once on zeros to learn its
    outputs' names; `output_names`, if there are any, stand in their place.

    Raises CaptureError if it does not run or returns anything but tensors, LabelsError if `labels` do not fit,
    InputError if `output_names` cannot name the outputs.
    """
    model.eval()
    _leave_nested_tensors(model)
    if any(tensor.is_floating_point() and tensor.dtype is not torch.float32 for tensor in model.state_dict().values()):
        model.float()
    outputs = _outputs_on_zeros(PreparedModule(model, inputs, (), with_probabilities=False), inputs)
    if not outputs:
        raise CaptureError("the model returns no tensor", remedy="Return tensors, or tuples, lists and dicts of them.")
    if labels is not None:
        _check_labels(labels, *outputs[0])
    names = _names(outputs, tuple(spec.name for spec in inputs), output_names, is_classifier=labels is not None)
    return PreparedModule(model, inputs, names, with_probabilities=labels is not None).eval()


def _leave_nested_tensors(model: nn.Module) -> None:
    """With a padding mask torch's encoder computes in nested tensors, eagerly only, and gives zeros for the padding;
    every other way, torch.export's too, computes it like any token."""
    for module in model.modules():
        if isinstance(module, nn.TransformerEncoder):
            module.use_nested_tensor = False


def _is_about_types(error: Exception) -> bool:
    """torch words it in several ways: "Input type (c10::Half) and bias type (float)", "expected … dtype … Half"."""
    return any(name in str(error) for name in ("Half", "BFloat16", "double", "Double"))


def _names(
    outputs: list[tuple[str, torch.Tensor]], inputs: tuple[str, ...], wanted: tuple[str, ...], *, is_classifier: bool
) -> tuple[str, ...]:
    added = (PROBABILITIES,) if is_classifier else ()
    if is_classifier and not wanted and PROBABILITIES in [name for name, _ in outputs]:
        raise LabelsError(
            f"the model has an output `{PROBABILITIES}` of its own, and --labels adds one of that name",
            where="--labels",
            remedy="Rename the key of what forward() returns, give --output-names, or leave --labels out.",
        )
    if wanted:
        return given_names(wanted, outputs, inputs=inputs, is_classifier=is_classifier) + added
    taken = {*inputs, CLASS_LABEL} if is_classifier else set(inputs)
    return unique_names([*(name for name, _ in outputs), *added], taken)


def _outputs_on_zeros(probe: PreparedModule, inputs: tuple[InputSpec, ...]) -> list[tuple[str, torch.Tensor]]:
    examples = [torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype)) for spec in inputs]
    buffers = [(buffer, buffer.clone()) for buffer in probe.model.buffers()]
    try:
        with torch.no_grad(), warnings.catch_warnings():
            # Whatever the model warns of, it will say again when it runs in earnest.
            warnings.simplefilter("ignore")
            prepared = [normalize(x) for normalize, x in zip(probe.normalizations, examples, strict=True)]
            return list(named_outputs(probe.model(*prepared)))
    except CaptureError:
        raise
    except Exception as error:
        shapes = ", ".join("x".join(map(str, spec.shape)) for spec in inputs)
        raise CaptureError(
            f"the model does not run on an input of {shapes}: {_first_line(error)}",
            where=user_line_of(error.__traceback__),
            remedy=_CASTS
            if _is_about_types(error)
            else "Give the size it takes with --resolution, or mend its forward().",
        ) from error
    finally:
        # A model that keeps state is exported as it was given.
        for buffer, before in buffers:
            buffer.detach().copy_(before)


def named_outputs(value: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of a model's return value with stable names: dict keys, field names, tuple positions, `logits` for
    one matrix.

    None is passed over (models return it for losses and caches they do not have).
    """
    if isinstance(value, torch.Tensor):
        yield name or ("logits" if value.dim() == 2 else "output"), value
    elif isinstance(value, dict):
        yield from _named_items(value.items(), name)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from _named_items([(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)], name)
    elif hasattr(value, "_fields"):
        yield from _named_items(zip(value._fields, value, strict=True), name)
    elif isinstance(value, tuple | list):
        for position, item in enumerate(value):
            yield from named_outputs(item, name if len(value) == 1 else f"{name or 'output'}_{position}")
    elif value is not None:
        raise CaptureError(
            f"the model returns a {type(value).__name__}, which is no tensor",
            remedy="Return tensors, or tuples, lists and dicts of tensors.",
        )


def _named_items(items: Iterable[tuple[Any, Any]], name: str) -> Iterator[tuple[str, torch.Tensor]]:
    for key, item in items:
        yield from named_outputs(item, f"{name}_{key}" if name else str(key))


def _normalization(spec: InputSpec) -> nn.Module:
    if spec.kind != "image" or spec.preprocessing is None:
        return nn.Identity()
    return PixelNormalization(spec.preprocessing.mean, spec.preprocessing.std)


def _check_labels(labels: tuple[str, ...], name: str, logits: torch.Tensor) -> None:
    if logits.dim() == 2 and logits.shape[-1] == len(labels):
        return
    remedy = "Give one label per class, one to a line, or leave --labels out."
    if logits.dim() != 2:
        remedy = f"Labels are for a classifier, and `{name}` is not one row of scores per picture: leave --labels out."
    raise LabelsError(
        f"{len(labels)} labels for an output of shape {'x'.join(map(str, logits.shape))}",
        where="--labels",
        remedy=remedy,
    )


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else 'no message'}"
