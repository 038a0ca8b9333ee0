"""The table of operators: complete, unique, versioned."""

from __future__ import annotations

import pkgutil

import pytest

from mobiledeploy.errors import InternalError, UnsupportedError
from mobiledeploy.mil import ops, registry
from mobiledeploy.mil.operator import Family, Kernel, Opset
from mobiledeploy.mil.registry import FAMILIES, REGISTRY, build_registry, find_operator


def bind(_call) -> Kernel:
    return Kernel((), lambda: None)


def test_every_file_of_operators_is_in_the_table() -> None:
    files = sorted(module.name for module in pkgutil.iter_modules(ops.__path__))
    assert [family.name for family in FAMILIES] == files
    for family in FAMILIES:
        assert getattr(registry, family.name).FAMILY is family


def test_no_family_is_empty() -> None:
    assert [family.name for family in FAMILIES if not family.operators] == []


def test_a_second_declaration_is_an_error() -> None:
    one, other = Family("one"), Family("other")
    one.operator("twice")(bind)
    other.operator("twice", since=Opset.IOS17)(bind)
    assert len(build_registry([one, other])["twice"]) == 2
    other.operator("twice")(bind)
    with pytest.raises(InternalError, match="'twice' is registered twice for IOS15"):
        build_registry([one, other])


@pytest.mark.parametrize(
    ("name", "opset", "since"),
    [
        ("reshape", Opset.IOS16, Opset.IOS15),
        ("reshape", Opset.IOS17, Opset.IOS17),
        ("reshape", Opset.IOS26, Opset.IOS17),
        ("crop_resize", Opset.IOS15, Opset.IOS15),
        ("crop_resize", Opset.IOS16, Opset.IOS16),
        ("constexpr_lut_to_dense", Opset.IOS17, Opset.IOS16),
        ("constexpr_lut_to_dense", Opset.IOS18, Opset.IOS18),
    ],
)
def test_the_newest_version_that_the_operator_set_has_is_used(name, opset, since) -> None:
    assert find_operator(name, opset, "here").since is since


def test_unknown_and_newer_operators_are_refused() -> None:
    with pytest.raises(UnsupportedError) as unknown:
        find_operator("conv_tranpose", Opset.IOS17, "function 'main'")
    assert unknown.value.what == "operator 'conv_tranpose' is not implemented; the nearest is 'conv_transpose'"
    assert unknown.value.where == "function 'main'"
    assert unknown.value.remedy == "Add it to mobiledeploy/mil/ops/conv.py, or open an issue with the model."
    with pytest.raises(UnsupportedError, match="'read_state' appeared in IOS18, but the program is for IOS17"):
        find_operator("read_state", Opset.IOS17, "here")


# `const` is evaluated when a program is bound; ML Programs never had `conv_quantized`
MISSING = {"const", "conv_quantized"}


def test_every_operator_of_the_converter_is_there() -> None:
    from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

    known = {name for name in SSAOpRegistry.core_ops if not name.startswith("_")}
    assert known - set(REGISTRY) == MISSING
