"""`--substitute` as typed: names, aliases, and what cannot be asked for."""

from __future__ import annotations

import pytest

from mobiledeploy.errors import InputError
from mobiledeploy.rewrite.substitutions import substitutions


def test_names_are_taken_in_any_usual_spelling_and_once() -> None:
    found = substitutions(["Hard-Swish = GELU", "swish=hardswish", "hardswish=gelu"][:1])
    assert [one.name for one in found] == ["hardswish=gelu"]
    assert [one.name for one in substitutions(["gelu=quick_gelu", "gelu=gelu_sigmoid"])] == ["gelu=gelu_sigmoid"]


def test_every_substitution_has_a_reason() -> None:
    known, unknown = substitutions(["hardswish=gelu", "softsign=tanh"])
    assert "arXiv:2303.14189" in known.reason
    assert unknown.reason == "asked for; nobody is known to recommend it"


@pytest.mark.parametrize(
    ("requests", "message", "remedy"),
    [
        (["hardswish"], "`hardswish` is no substitution", "Write it as in hardswish=gelu: FROM=TO."),
        (["=gelu"], "`=gelu` is no substitution", "Write it as in hardswish=gelu: FROM=TO."),
        (["hardswsh=gelu"], "no activation is called `hardswsh`", "Near: hardswish"),
        (["hardswish=gleu"], "no activation is called `gleu`", "Near: gelu"),
        (["gelu=gelu"], "`gelu=gelu` changes nothing", "Leave it out."),
        (["swish=silu"], "`swish=silu` changes nothing", "Leave it out."),
        (["gelu=relu", "gelu=silu"], "`gelu` is replaced twice", "Give one TO for each FROM."),
        (
            ["hardswish=gelu", "gelu=gelu_tanh"],
            "`gelu` is both replaced and put in",
            "Say directly what becomes of each.",
        ),
    ],
)
def test_what_cannot_be_asked_for(requests, message, remedy) -> None:
    with pytest.raises(InputError) as failure:
        substitutions(requests)
    assert failure.value.what == message
    assert failure.value.where == "--substitute"
    assert (failure.value.remedy or "").startswith(remedy)


def test_an_unknown_name_is_answered_with_all_that_there_are() -> None:
    with pytest.raises(InputError) as failure:
        substitutions(["zzz=gelu"])
    assert (failure.value.remedy or "").startswith("Activations: relu, relu6, sigmoid, ")
