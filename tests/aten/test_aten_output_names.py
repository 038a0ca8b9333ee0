"""Outputs are called what the model says, or what the user says, and every format can tell them apart."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mobiledeploy.aten.output_names import given_names, unique_names
from mobiledeploy.aten.prepare import prepare
from mobiledeploy.errors import InputError
from mobiledeploy.records import InputSpec

OUTPUTS = [("out", torch.zeros(1, 21, 8, 8)), ("aux", torch.zeros(()))]
LISTED = "The model's outputs, in order: out 1x21x8x8, aux scalar."


class Heads(nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, object]:
        return {"out": x * 2, "aux": [x + 1, x + 2]}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (("one",), "1 name for 2 outputs"),
        (("a", "b", "c"), "3 names for 2 outputs"),
        (("a", "a"), "`a` is given twice"),
        (("a", ""), "`` cannot name an output: letters, digits and _ only, and no digit first"),
        (("a", "b-c"), "`b-c` cannot name an output: letters, digits and _ only, and no digit first"),
        (("a", "größe"), "`größe` cannot name an output: letters, digits and _ only, and no digit first"),
        (("a", "image"), "`image`: an input has that name"),
        (("a", "probabilities"), "`probabilities`: --labels adds an output of that name"),
        (("classLabel", "a"), "`classLabel`: --labels adds an output of that name"),
    ],
)
def test_names_that_do_not_fit_are_refused_with_the_models_outputs_listed(wanted, message) -> None:
    with pytest.raises(InputError) as failure:
        given_names(wanted, OUTPUTS, inputs=("image",), is_classifier=True)
    error = failure.value
    assert (error.what, error.where, error.remedy) == (message, "--output-names", LISTED)


def test_what_a_classifier_reserves_is_free_elsewhere() -> None:
    wanted = ("probabilities", "classLabel")
    assert given_names(wanted, OUTPUTS, inputs=(), is_classifier=False) == wanted


def test_names_of_the_model_become_distinct_identifiers() -> None:
    assert unique_names(["0", "a.b", "a_b", "x"], {"x"}) == ("output_0", "a_b", "a_b_1", "x_1")


def test_given_names_stand_in_the_place_of_the_models_own() -> None:
    inputs = (InputSpec("x", (1, 3)),)
    assert prepare(Heads(), inputs).output_names == ("out", "aux_0", "aux_1")
    prepared = prepare(Heads(), inputs, output_names=("boxes", "scores", "extra"))
    assert prepared.output_names == ("boxes", "scores", "extra")
    boxes, scores, extra = prepared(torch.ones(1, 3))
    assert [float(value[0, 0]) for value in (boxes, scores, extra)] == [2, 2, 3]


def test_a_classifier_keeps_its_probabilities_beside_given_names() -> None:
    prepared = prepare(nn.Linear(3, 2), (InputSpec("x", (1, 3)),), ("cat", "dog"), ("scores",))
    assert prepared.output_names == ("scores", "probabilities")


def test_a_models_own_class_label_makes_way_for_core_mls() -> None:
    class Labelled(nn.Module):
        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"classLabel": x}

    assert prepare(Labelled(), (InputSpec("x", (1, 2)),), ("cat", "dog")).output_names == (
        "classLabel_1",
        "probabilities",
    )
