"""torchvision's own builders: `torchvision.models:resnet50`, `torchvision.models.detection:ssd300_vgg16`.

A builder called without arguments would fetch the weights of its backbone and leave the rest untrained. Here the whole
set of weights that torchvision recommends is taken, or none of it.
"""

from __future__ import annotations

import inspect
import re
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from mobiledeploy.errors import CheckpointError, HostError, InputError
from mobiledeploy.records import InputSpec, Preprocessing
from mobiledeploy.sources.architecture import Architecture
from mobiledeploy.sources.detection import is_detector, without_suppression
from mobiledeploy.sources.randomness import seeded
from mobiledeploy.sources.resolution import at_resolution
from mobiledeploy.sources.source import Absence, Draft, Request
from mobiledeploy.sources.weights.fitting import resampled
from mobiledeploy.sources.weights.pretrained import PretrainedFile, find_pretrained

if TYPE_CHECKING:
    from torch import nn

__all__ = ["TorchvisionSource"]

_FORM = re.compile(r"torchvision\.models(?:\.(segmentation|detection))?:(\w+)")
# What a builder that is told its set of weights makes of these by itself.
_WITH_WEIGHTS = {"aux_loss": True, "init_weights": False}


class TorchvisionSource:
    """Classifiers, segmentation and detection of single pictures; the rest of torchvision is a factory like any."""

    kind: Literal["torchvision"] = "torchvision"
    form = "`torchvision.models:NAME`"

    def claims(self, identifier: str) -> bool:
        found = _FORM.fullmatch(identifier)
        return found is not None and _takes_pictures(found[2], found[1])

    def build(self, request: Request) -> Draft:
        import torchvision

        name = request.identifier.rpartition(":")[2]
        recommended = _weights(name)
        file, absence = _pretrained(name, recommended, request)
        title = f"{name} (torchvision {torchvision.__version__.partition('+')[0]})"
        if request.identifier.startswith("torchvision.models:"):
            inputs: tuple[InputSpec, ...] = (_input(recommended.transforms()),)
            module, _ = at_resolution(_classifier(name, title, inputs[0], request), request.resolution, file)
        else:
            module = _built(name, recommended if file else None, request)
            inputs = getattr(module, "mobiledeploy_inputs", None) or (_input(recommended.transforms()),)
        return Draft(
            module=module,
            inputs=tuple(_resized(spec, request.resolution) for spec in inputs),
            identifier=request.identifier,
            name=name,
            architecture=title,
            carries="pretrained" if file else "nothing",
            origin=file.origin if file else None,
            absence=absence,
        )


def _takes_pictures(name: str, family: str | None) -> bool:
    from torchvision import models
    from torchvision.transforms import _presets as presets

    if name not in models.list_models() or not list(models.get_model_weights(name)):
        return False
    kinds = {
        None: presets.ImageClassification,
        "segmentation": presets.SemanticSegmentation,
        "detection": presets.ObjectDetection,
    }
    return isinstance(_weights(name).transforms(), kinds[family])


def _weights(name: str) -> Any:
    """The set of weights that torchvision recommends for `name`."""
    from torchvision import models

    return models.get_model_weights(name).DEFAULT


def _pretrained(name: str, recommended: Any, request: Request) -> tuple[PretrainedFile | None, Absence | None]:
    if request.weights not in ("auto", "pretrained"):
        return None, None
    try:
        return find_pretrained(name, {"url": recommended.url}), None
    except (InputError, HostError) as error:
        if request.weights == "pretrained":
            raise
        recorded = f"{recommended.url} is not in the local cache and could not be fetched"
        return None, Absence(recorded, error.what)


def _classifier(name: str, title: str, spec: InputSpec, request: Request) -> Architecture:
    """Of one size where it has position embeddings; it is then made for another, and they are resampled."""

    def create(file: PretrainedFile | None, resolution: tuple[int, int] | None) -> nn.Module:
        trained = _built(name, _weights(name) if file else None, request)
        if resolution is None:
            return trained
        module = _sized(name, resolution, request.seed)
        return module if file is None else resampled(module, trained, file.path.name, resolution)

    return Architecture(name=name, title=title, cfg={"input_size": spec.shape[1:]}, create=create)


def _sized(name: str, resolution: tuple[int, int], seed: int) -> nn.Module:
    """Raises TypeError where the builder does not know of sizes, ValueError for no square where it wants one."""
    from torchvision import models

    builder = models.get_model_builder(name)
    height, width = resolution
    with seeded(seed):
        try:
            module: nn.Module = builder(input_size=resolution)  # MaxVit
        except TypeError:
            if height != width:
                raise ValueError("it takes squares") from None
            module = builder(image_size=height)  # VisionTransformer
    return module


def _built(name: str, weights: Any, request: Request) -> nn.Module:
    from torchvision import models

    builder = models.get_model_builder(name)
    accepted = inspect.signature(builder).parameters
    arguments = {"weights": weights, "weights_backbone": None, "progress": False}
    arguments |= _WITH_WEIGHTS if weights is None else {}
    with seeded(request.seed), warnings.catch_warnings():
        # torchvision's own advice to itself about initial values, which are overwritten
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"torchvision\.")
        try:
            module: nn.Module = builder(**{key: value for key, value in arguments.items() if key in accepted})
        # torch.hub, pickle and zip each have their own errors for a damaged file
        except Exception as error:
            raise CheckpointError(
                f"the cached pretrained weights of {name} cannot be loaded: {' '.join(str(error).split())[:200]}",
                where=request.identifier,
                remedy="Delete that file from torch.hub's cache, so that it is fetched again.",
            ) from error
    return without_suppression(module.eval()) if is_detector(module) else module


def _input(preset: Any) -> InputSpec:
    """The picture that `preset`, the transforms of a set of weights, makes."""
    resized, cropped = preset.resize_size[0], getattr(preset, "crop_size", None)
    size = cropped[0] if cropped else resized
    interpolation = preset.interpolation.value
    known = Preprocessing(
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        interpolation=interpolation if interpolation in ("bilinear", "bicubic", "lanczos") else "bilinear",
        crop=size / resized,
    )
    return InputSpec("image", (1, 3, size, size), kind="image", preprocessing=known)


def _resized(spec: InputSpec, resolution: tuple[int, int] | None) -> InputSpec:
    return spec if resolution is None else replace(spec, shape=(*spec.shape[:2], *resolution))
