"""From patterns, factories and lists to tasks: every one once, every mistake before anything is tried."""

from __future__ import annotations

import pytest

from mobiledeploy.cli.line_options import options_of_line
from mobiledeploy.errors import InputError, UnknownModelError
from mobiledeploy.records import ExportOptions
from mobiledeploy.sweep.plan import Choice, plan


def planned(*patterns: str, **choice):
    return plan(Choice(patterns, ExportOptions(weights="random"), **choice), options_of_line)


def models(*patterns: str, **choice) -> list[str]:
    return [task.model for task in planned(*patterns, **choice)]


def test_a_zoo_pattern_gives_every_name() -> None:
    assert models("fastvit_s*", "fastvit_t*") == [
        *("fastvit_s12", "fastvit_sa12", "fastvit_sa24", "fastvit_sa36"),
        *("fastvit_t8", "fastvit_t12"),
    ]


def test_a_name_that_is_given_twice_is_tried_once(factories) -> None:
    (factories / "list.txt").write_text("fastvit_t8\nresnet18\nfastvit_t8\n")
    assert models("fastvit_t*", "fastvit_t8", "list.txt") == ["fastvit_t8", "fastvit_t12", "resnet18"]


def test_a_pattern_of_factories_finds_functions_that_need_nothing(factories) -> None:
    assert models("factories.py:tiny_*") == [f"factories.py:tiny_{name}" for name in ("four", "six", "wide")]
    assert "factories.py:needs" not in models("factories.py:*")
    assert "factories.py:_private" not in models("factories.py:*")


def test_a_pattern_of_files_finds_those_of_each(factories) -> None:
    (factories / "more.py").write_text("def tiny_one():\n    pass\n")
    assert models("*o*e.py:tiny_o*", "*or*.py:tiny_f*") == ["more.py:tiny_one", "factories.py:tiny_four"]


def test_a_pattern_of_names_with_a_form_behind_it_keeps_the_form() -> None:
    assert models("fastvit_t*:features") == ["fastvit_t8:features", "fastvit_t12:features"]


def test_a_file_of_factories_is_read_and_not_run(factories) -> None:
    (factories / "loud.py").write_text("raise SystemExit('run')\n\ndef net():\n    pass\n")
    assert models("loud.py:*") == ["loud.py:net"]


def test_a_list_has_options_and_comments(factories) -> None:
    (factories / "list.txt").write_text(
        "# two sizes\nresnet18 --resolution 192  # small\n\n"
        "resnet18 --resolution 128x160 --precision float32 --min-psnr 80\nfactories.py:tiny_four --target onnx\n"
    )
    options = [task.options for task in planned("list.txt")]
    assert options == [
        ExportOptions(weights="random", resolution=(192, 192)),
        ExportOptions(weights="random", resolution=(128, 160), precision="float32", min_psnr=80.0),
        ExportOptions(weights="random", targets=("onnx",)),
    ]


def test_every_model_is_tried_for_every_target_and_precision() -> None:
    tasks = planned("resnet18", targets=("coreml", "onnx"), precisions=("float16", "float32"))
    assert [(task.target, task.options.precision) for task in tasks] == [
        ("coreml", "float16"),
        ("coreml", "float32"),
        ("onnx", "float16"),
        ("onnx", "float32"),
    ]


def test_the_contents_of_the_files_belong_to_the_task(factories) -> None:
    (before,) = planned("factories.py:tiny_six")
    (factories / "factories.py").write_text("def tiny_six():\n    pass\n")
    (after,) = planned("factories.py:tiny_six")
    assert before.files.keys() == after.files.keys() == {"factories.py"}
    assert before.files != after.files


@pytest.mark.parametrize(
    ("content", "pattern", "message", "where"),
    [
        ("", "no_such_net_*", "no model of the zoo matches `no_such_net_*`", "PATTERN"),
        ("", "fastvit_t88", "no model is called `fastvit_t88`", "fastvit_t88"),
        ("resnet18\nfastvit_t88\n", "list.txt", "no model is called `fastvit_t88`", "list.txt, line 2"),
        ("resnet18 --resolution 1by2\n", "list.txt", "`1by2` is no resolution", "list.txt, line 1, --resolution"),
        ("\nresnet18 --bogus 1\n", "list.txt", "No such option: --bogus", "list.txt, line 2"),
        ("resnet18 --output x\n", "list.txt", "--output has no place in a list", "list.txt, line 1"),
        ("resnet18 'open\n", "list.txt", "cannot read the line: No closing quotation", "list.txt, line 1"),
        ("resnet18 more\n", "list.txt", "Got unexpected extra argument", "list.txt, line 1"),
        ("--resolution 3\n", "list.txt", "the line begins with the option --resolution, not with a MODEL", None),
        ("resnet18 --target tflite\n", "list.txt", "there is no target `tflite`", "list.txt, line 1"),
        ("", "factories.py:nothing_*", "no factory of factories.py matches `nothing_*`", "factories.py:nothing_*"),
        ("", "absent*.py:*", "no factory of absent*.py matches `*`", "absent*.py:*"),
        ("", "absent.py:*", "cannot read absent.py: No such file or directory", "absent.py:*"),
        ("", "broken.py:*", "broken.py is no Python: ", "broken.py:*"),
    ],
)
def test_a_mistake_is_one_message_with_its_place(factories, content, pattern, message, where) -> None:
    (factories / "list.txt").write_text(content)
    (factories / "broken.py").write_text("def f(:\n")
    with pytest.raises((InputError, UnknownModelError)) as refusal:
        planned(pattern)
    assert refusal.value.what.startswith(message)
    assert refusal.value.remedy
    assert where is None or refusal.value.where == where


def test_a_list_that_is_no_text_is_refused(factories) -> None:
    (factories / "list.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="it is not UTF-8 text"):
        planned("list.bin")
