"""The table of operators: complete, unique, versioned."""

from __future__ import annotations

import pkgutil

import pytest
from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

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


# evaluated when a program is bound, and coremltools' own placeholder for a constant that is not known yet
NO_CALLS = {"const", "_const_symbolic"}
# written by coremltools into packages; the other dialects are gone by then, replaced by operators of the core
WRITTEN_DIALECT = {"coreml_update_state"}
DIALECTS = ("complex", "torch_")

OPSETS = {f"iOS{opset.value}": opset for opset in Opset}


def theirs() -> dict[str, set[str]]:
    """The operator sets, by their release, that have each operator of coremltools' registry."""
    return {
        name: {opset.name for opset in versions} & OPSETS.keys()
        for name, versions in SSAOpRegistry.core_ops.items()
        if name not in NO_CALLS
    }


def test_every_operator_of_every_operator_set_of_the_converter_is_there() -> None:
    known = theirs()
    assert len(known) >= 166
    assert {opset for opsets in known.values() for opset in opsets} == {"iOS15", "iOS16", "iOS17", "iOS18"}
    missing = [
        (name, opset)
        for name, opsets in known.items()
        for opset in sorted(opsets)
        if not any(operator.since <= OPSETS[opset] for operator in REGISTRY.get(name, ()))
    ]
    assert missing == []


def test_no_operator_is_taken_from_a_program_older_than_it() -> None:
    """What coremltools registers from a release on, programs of earlier releases do not have."""
    early = [
        (name, min(opsets))
        for name, opsets in theirs().items()
        if min(operator.since for operator in REGISTRY[name]) < OPSETS[min(opsets)]
    ]
    assert early == []


def test_every_dialect_that_reaches_a_package_is_there() -> None:
    dialects = set(SSAOpRegistry.dialect_ops)
    assert {name for name in dialects if not name.startswith(DIALECTS)} == WRITTEN_DIALECT
    assert set(REGISTRY) >= WRITTEN_DIALECT


def test_what_is_there_and_not_the_converters_is_known_to_core_ml() -> None:
    """coremltools' frontend for programs of Core ML reads `write_state`, and its builder writes the one above."""
    assert set(REGISTRY) - set(SSAOpRegistry.core_ops) == WRITTEN_DIALECT | {"write_state"}
