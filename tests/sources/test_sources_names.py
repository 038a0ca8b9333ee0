"""Names: the ones there are, the ones that were meant, and the ways to write MODEL."""

from __future__ import annotations

import pytest
import timm

from mobiledeploy.errors import UnknownModelError
from mobiledeploy.sources import featured, list_models, resolve
from mobiledeploy.sources.naming import file_safe
from mobiledeploy.sources.table import SOURCES

FORMS = (
    "MODEL is a name of the zoo (`mobiledeploy models PATTERN` lists them), "
    "`package.module:factory` or `file.py:factory`, `NAME:features`, `torchvision.models:NAME`, or a saved `.pt2`."
)


def test_without_a_pattern_the_families_of_this_project_are_listed() -> None:
    names = list_models()
    assert names == featured()
    assert len(names) == len(set(names))
    assert {name for name in names if not name.startswith("t2t_vit_")} == {
        name for name in timm.list_models() if name.split("_")[0] in ("fastvit", "mobilevit", "mobilevitv2", "mixer")
    }
    assert {"fastvit_t8", "mobilevit_s", "mobilevitv2_050", "mixer_b16_224"} < set(names)


def test_a_pattern_finds_any_name_of_the_zoo() -> None:
    assert list_models("resnet5*q") == ("resnet51q",)
    assert list_models("mobilevit_x*") == ("mobilevit_xs", "mobilevit_xxs")
    assert list_models("fastvit_t8.*") == ("fastvit_t8.apple_dist_in1k", "fastvit_t8.apple_in1k")
    assert list_models("no_such_thing_*") == ()
    assert len(list_models("*")) > 1000


UNKNOWN = [
    ("fastvt_t8", "no model is called `fastvt_t8`", "Near: fastvit_t8, "),
    ("FastViT-T8", "no model is called `FastViT-T8`", "Near: fastvit_t8, "),
    ("mobilvit_s", "no model is called `mobilvit_s`", "Near: mobilevit_s, "),
    ("resnet-50", "no model is called `resnet-50`", "Near: resnet50"),
    ("zzzzzzzzzz", "no model is called `zzzzzzzzzz`", "MODEL is "),
    ("", "no model is called ``", "MODEL is "),
    ("hf-hub:timm/fastvit_t8", "no model is called `hf-hub:timm/fastvit_t8`", "Near: fastvit_t8. "),
    ("fastvit_t8.apple", "fastvit_t8 has no weights tagged `apple`", "Near: fastvit_t8.apple_in1k, "),
    ("weights.pth", "`weights.pth` holds weights, not a model", "Name the architecture"),
    ("weights.pth.tar", "`weights.pth.tar` holds weights, not a model", "Name the architecture"),
    ("folder/weights.safetensors", "`folder/weights.safetensors` holds weights, not a model", "Name the architecture"),
]


@pytest.mark.parametrize(("name", "what", "remedy"), UNKNOWN, ids=[name for name, *_ in UNKNOWN])
def test_an_unknown_name_is_answered_with_near_ones_and_the_forms(name, what, remedy) -> None:
    with pytest.raises(UnknownModelError) as caught:
        resolve(name)
    assert caught.value.what == what
    assert caught.value.remedy is not None
    assert caught.value.remedy.startswith(remedy)
    assert caught.value.remedy.endswith(FORMS)


def test_a_name_that_timm_removed_is_unknown() -> None:
    removed = [name for name, present in timm.models.get_deprecated_models().items() if not present]
    for name in removed:
        with pytest.raises(UnknownModelError):
            resolve(name)


CLAIMS = [
    ("fastvit_t8", "zoo"),
    ("resnet50.a1_in1k", "zoo"),
    ("package.module:factory", "factory"),
    ("module:Class.build", "factory"),
    ("folder/file.py:factory", "factory"),
    ("C:/folder/file.py:factory", "factory"),
    ("file.py", "factory"),
    ("model.pt2", "pt2"),
    ("C:/folder/model.pt2", "pt2"),
    ("hf-hub:timm/x", "zoo"),
    ("fastvit_t8:features", "features"),
    ("resnet50.a1_in1k:features", "features"),
    ("module:features", "factory"),
    ("torchvision.models:resnet50", "torchvision"),
    ("torchvision.models.segmentation:lraspp_mobilenet_v3_large", "torchvision"),
    ("torchvision.models.detection:ssdlite320_mobilenet_v3_large", "torchvision"),
    ("torchvision.models.segmentation:resnet50", "factory"),
]


@pytest.mark.parametrize(("identifier", "kind"), CLAIMS, ids=[identifier for identifier, _ in CLAIMS])
def test_the_first_source_that_knows_the_form_gets_it(identifier, kind) -> None:
    assert next(source for source in SOURCES if source.claims(identifier)).kind == kind


def test_kinds_are_unique() -> None:
    kinds = [source.kind for source in SOURCES]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("fastvit_t8", "fastvit_t8"),
        ("resnet50.a1_in1k", "resnet50_a1_in1k"),
        ("my model (1)", "my_model_1"),
        ("../../etc", "etc"),
        ("ÄÖ", "model"),
        ("", "model"),
    ],
)
def test_names_are_safe_for_files(text, name) -> None:
    assert file_safe(text) == name
