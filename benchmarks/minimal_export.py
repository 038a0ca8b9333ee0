"""The peer: the least that a user of timm and coremltools writes to get a package. It converts, and proves nothing.

    python benchmarks/minimal_export.py fastvit_t8 OUTPUT.mlpackage [--reparameterize]

As in coremltools' guide: create, eval, trace, convert, save; with the picture's normalization in the model, as
`mobiledeploy export` has it. Random weights, so that no download is timed.
"""

from __future__ import annotations

import argparse

import coremltools as ct
import timm
import torch
from timm.utils import reparameterize_model


class Normalized(torch.nn.Module):
    def __init__(self, model: torch.nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.model((pixels / 255.0 - self.mean) / self.std)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("output")
    parser.add_argument("--reparameterize", action="store_true")
    arguments = parser.parse_args()
    model = timm.create_model(arguments.model, pretrained=False).eval()
    if arguments.reparameterize:
        model = reparameterize_model(model)
    config = timm.data.resolve_data_config({}, model=model)
    shape = (1, *config["input_size"])
    wrapped = Normalized(model, config["mean"], config["std"]).eval()
    with torch.no_grad():
        traced = torch.jit.trace(wrapped, torch.rand(shape) * 255)
    package = ct.convert(
        traced,
        inputs=[ct.ImageType(name="image", shape=shape, color_layout=ct.colorlayout.RGB)],
        minimum_deployment_target=ct.target.iOS16,
        convert_to="mlprogram",
        skip_model_load=True,
    )
    package.save(arguments.output)


if __name__ == "__main__":
    main()
