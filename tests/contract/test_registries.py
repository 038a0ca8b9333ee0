"""Every rule, operator family, target, source, runner and command stands in its ordered table, once."""

from __future__ import annotations

import ast

import pytest

# The table, the folder it lists, and the modules of that folder that define no entry of it.
TABLES = [
    ("mobiledeploy.rewrite.recipes", "mobiledeploy.rewrite.rules", set()),
    ("mobiledeploy.rewrite.axes.table", "mobiledeploy.rewrite.axes.families", set()),
    ("mobiledeploy.mil.registry", "mobiledeploy.mil.ops", set()),
    ("mobiledeploy.sources.table", "mobiledeploy.sources.kinds", set()),
    ("mobiledeploy.targets.formulas.table", "mobiledeploy.targets.formulas", {"formula", "table"}),
]

# The table, the folder, and what the names of the classes it lists end in; the Protocol itself is no entry.
CLASSES = [
    ("mobiledeploy.targets.table", "mobiledeploy.targets", "Target"),
    ("mobiledeploy.sources.table", "mobiledeploy.sources.kinds", "Source"),
    ("mobiledeploy.parity.runners.table", "mobiledeploy.parity.runners", "Runner"),
    ("mobiledeploy.bench.protocols.table", "mobiledeploy.bench.protocols", "Protocol"),
]


def entries(source, name: str) -> list[str]:
    """The elements of the tuple `name` of a module, as written."""
    for node in source.tree.body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name and isinstance(node.value, ast.Tuple):
            return [ast.unparse(element) for element in node.value.elts]
    raise AssertionError(f"{source.path} has no tuple {name}")


def below(sources, folder: str) -> list[str]:
    return [name for name, source in sources.items() if name.startswith(f"{folder}.") and not source.is_package]


@pytest.mark.parametrize(("table", "folder", "exempt"), TABLES, ids=[table for table, _, _ in TABLES])
def test_every_module_of_the_folder_is_in_the_table(sources, table, folder, exempt) -> None:
    imported = {found.module for found in sources[table].imports if not found.typing_only}
    modules = below(sources, folder)
    assert modules
    assert [name for name in modules if name not in imported and name.rpartition(".")[2] not in exempt] == []


@pytest.mark.parametrize(("table", "folder", "ending"), CLASSES, ids=[table for table, _, _ in CLASSES])
def test_every_class_of_the_kind_is_in_the_table(sources, table, folder, ending) -> None:
    defined = {
        node.name
        for name in below(sources, folder)
        for node in sources[name].tree.body
        if isinstance(node, ast.ClassDef)
        and node.name.endswith(ending)
        and not node.name.startswith("_")
        and not any("Protocol" in ast.unparse(base) for base in node.bases)
    }
    listed = [entry.partition("(")[0] for entry in entries(sources[table], f"{ending.upper()}S")]
    assert sorted(listed) == sorted(defined)


def test_every_command_file_is_in_the_table_of_commands(sources) -> None:
    files = {
        name.rpartition(".")[2]
        for name in below(sources, "mobiledeploy.cli")
        for node in sources[name].tree.body
        if isinstance(node, ast.FunctionDef) and node.name == name.rpartition(".")[2] and node.name != "main"
    }
    assert set(entries(sources["mobiledeploy.cli.app"], "COMMANDS")) == files


def test_names_are_unique_and_say_what_the_command_line_takes() -> None:
    from mobiledeploy.parity.runners.table import RUNNERS
    from mobiledeploy.rewrite.recipes import RECIPE
    from mobiledeploy.targets.table import TARGETS

    runners = [runner.name for runner in RUNNERS]
    targets = [target.name for target in TARGETS]
    rules = [entry.rule.name for entry in RECIPE]
    for names in (runners, targets, rules):
        assert len(set(names)) == len(names)
    assert sorted(targets) == ["coreml", "onnx"]
    assert sorted(runners) == ["coreml", "mil", "onnxruntime"]
    assert {target.runner for target in TARGETS} <= set(runners)


def test_every_operator_of_the_executor_is_found_by_its_name() -> None:
    from mobiledeploy.mil.registry import FAMILIES, REGISTRY

    declared = [(operator.name, operator.since) for family in FAMILIES for operator in family.operators]
    assert len(set(declared)) == len(declared)
    assert {name for name, _ in declared} == set(REGISTRY)
