"""The nine published sizes: parameters, multiply-accumulates and names are the official ones."""

from __future__ import annotations

import pytest
from official_names import official_shapes

from mobiledeploy.aten.capture import capture
from mobiledeploy.aten.cost import node_cost
from mobiledeploy.aten.prepare import prepare
from mobiledeploy.records import InputSpec
from mobiledeploy.sources.t2t.variants import VARIANTS

# Million parameters as published (README.md of the repository), and all of them; then billion MACs likewise.
#
# The parameters include the position embedding and the performers' features, which are not trained: without them
# T2T-ViT-10 would have 5.83 and -19 39.09 million.
#
# The MACs are those of convolutions, linear maps and matrix products, here in the captured graph: the products inside
# attention and inside the performers count, elementwise work does not. So counted, eight of nine come out as published.
# For T2T-ViT-24 the paper has 13.8. Its own -24 and _t-24 then differ by 1.2, where -14 and _t-14, -19 and _t-19 differ
# by 1.3 though all of them differ in the same two modules: 15.0 - 1.3 is what we count.
PUBLISHED = [
    ("t2t_vit_7", 4.3, 4_310_222, 1.1, 1_146_863_616),
    ("t2t_vit_10", 5.9, 5_889_230, 1.5, 1_516_328_448),
    ("t2t_vit_12", 6.9, 6_941_902, 1.8, 1_762_638_336),
    ("t2t_vit_14", 21.5, 21_545_550, 4.8, 4_783_468_544),
    ("t2t_vit_19", 39.2, 39_177_422, 8.5, 8_479_682_176),
    ("t2t_vit_24", 64.1, 64_105_934, 13.7, 13_661_874_688),
    ("t2t_vit_t_14", 21.5, 21_541_070, 6.1, 6_088_721_920),
    ("t2t_vit_t_19", 39.2, 39_172_942, 9.8, 9_784_935_552),
    ("t2t_vit_t_24", 64.1, 64_101_454, 15.0, 14_967_128_064),
]
NAMES = [name for name, *_ in PUBLISHED]


def test_every_variant_is_tested() -> None:
    assert sorted(VARIANTS) == sorted(NAMES)


@pytest.mark.parametrize(("name", "millions", "parameters", "_billions", "_macs"), PUBLISHED, ids=NAMES)
def test_parameters_are_as_published(name, millions, parameters, _billions, _macs) -> None:
    count = sum(parameter.numel() for parameter in VARIANTS[name].create((224, 224)).parameters())
    assert count == parameters
    assert round(count / 1e6, 1) == millions


@pytest.mark.parametrize("name", NAMES)
def test_names_and_shapes_are_the_official_ones(name) -> None:
    variant = VARIANTS[name]
    assert shapes_of(name) == official_shapes(
        performer="_t_" not in name, width=variant.width, depth=variant.depth, ratio=variant.ratio
    )


@pytest.mark.parametrize(("name", "_millions", "_parameters", "billions", "macs"), PUBLISHED, ids=NAMES)
def test_macs_of_the_captured_graph_are_as_published(name, _millions, _parameters, billions, macs) -> None:
    inputs = (InputSpec(name="image", shape=(1, 3, 224, 224)),)
    module = VARIANTS[name].create((224, 224)).eval().requires_grad_(False)
    program = capture(prepare(module, inputs), inputs)
    # a soft split moves pixels; what it costs as a convolution with ones and zeros is nobody's published figure
    counted = sum(node_cost(node).macs for node in program.graph.nodes if "im2col" not in str(node.target))
    assert counted == macs
    assert round(counted / 1e9, 1) == billions


def test_the_token_module_alone_tells_the_two_families_apart() -> None:
    macs = {name: counted for name, *_, counted in PUBLISHED}
    differences = {macs[f"t2t_vit_t_{depth}"] - macs[f"t2t_vit_{depth}"] for depth in (14, 19, 24)}
    assert differences == {1_305_253_376}


def shapes_of(name: str) -> dict[str, tuple[int, ...]]:
    module = VARIANTS[name].create((224, 224))
    return {key: tuple(value.shape) for key, value in module.state_dict().items()}
