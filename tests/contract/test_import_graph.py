"""Who may import whom: downwards only, no cycles, one importer for each heavy library."""

from __future__ import annotations

from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter

import pytest

FOUNDATION = {"errors", "progress", "records"}

LAYERS: dict[str, set[str]] = {
    "errors": set(),
    "progress": set(),
    "records": {"errors"},
    "aten": FOUNDATION,
    "rewrite": FOUNDATION | {"aten"},
    "targets": FOUNDATION | {"aten"},
    "mil": {"errors"},  # the judge shares no code with the accused
    "parity": FOUNDATION | {"aten", "mil"},
    "sources": FOUNDATION,
    "report": FOUNDATION,
    "doctor": FOUNDATION,
    "folder_swap": set(),
    "artifact": FOUNDATION | {"folder_swap"},
    "pipeline": FOUNDATION | {"artifact", "aten", "rewrite", "targets", "mil", "parity", "sources"},
    "sweep": FOUNDATION | {"aten", "mil", "pipeline", "sources", "targets"},
    "bench": FOUNDATION,  # figures from samples: it knows neither the host nor the device they came from
    "server": FOUNDATION,
    "campaign": FOUNDATION | {"artifact", "bench", "mil", "parity", "server"},
    "cli": FOUNDATION | {"bench", "campaign", "doctor", "pipeline", "report", "server", "sources", "sweep"},
    "__main__": {"cli"},
    "": {"errors", "records", "pipeline"},
}

IMPORTERS: dict[str, tuple[str, ...]] = {
    "coremltools": (
        "targets/coreml*.py",
        "parity/runners/coreml.py",
        "mil/coremltools_predict.py",  # when it is called; the executor itself owes coremltools nothing
    ),
    "onnx": ("targets/onnx*.py",),
    "onnxscript": ("targets/onnx*.py", "mil/onnx_sorting.py"),
    "onnx_ir": ("targets/onnx*.py",),
    # the runner, the executor's backend, and the float16 converter: a program about graphs, which executes none
    "onnxruntime": ("parity/runners/onnxruntime.py", "mil/onnxruntime_model.py", "targets/onnx_half.py"),
    "timm": ("sources/*.py",),
    "torchvision": ("sources/*.py",),
    "safetensors": ("sources/*.py",),
    "huggingface_hub": ("sources/*.py",),
    "google": ("mil/*.py", "targets/coreml*.py", "targets/mlpackage.py"),
    "matplotlib": ("parity/photographs.py",),
    "sklearn": ("parity/photographs.py",),
    "joblib": ("sweep/engines.py",),
    "dask": ("sweep/engines.py",),
    "distributed": ("sweep/engines.py",),
    "ray": ("sweep/engines.py",),
    "sqlalchemy": ("server/*.py", "campaign/*.py"),
    "starlette": ("server/*.py",),
    "uvicorn": ("server/*.py",),
    "h11": ("server/guard.py",),
    "segno": ("cli/pairing_code.py",),
    "scipy": ("bench/*.py",),
    "typer": ("cli/*.py",),
    "rich": ("cli/*.py", "report/*.py"),
}

# No file of these may name a heavy library at its top: `import mobiledeploy` and `mobiledeploy --help` stay fast.
LIGHT = {"", "__main__", "cli", "doctor", "errors", "progress", "records"}
HEAVY = {"torch", "torchvision", "numpy", "PIL", "matplotlib"} | (IMPORTERS.keys() - {"typer", "rich"})


def ours(source):
    return [found for found in source.imports if found.module.partition(".")[0] == "mobiledeploy"]


def test_every_module_belongs_to_a_layer(sources) -> None:
    assert {source.layer for source in sources.values()} <= LAYERS.keys()


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_knows_only_those_below_it(sources, layer) -> None:
    wrong = [
        f"{source.path}:{found.line} imports {found.module}"
        for source in sources.values()
        if source.layer == layer
        for found in ours(source)
        if (target := found.module.partition(".")[2].partition(".")[0]) != layer
        and target not in LAYERS[layer]
        and not (target == "" and found.names == ("__version__",))
    ]
    assert wrong == []


def test_the_layers_themselves_have_no_cycle() -> None:
    order = list(TopologicalSorter(LAYERS).static_order())
    assert order.index("errors") < order.index("pipeline") < order.index("cli")


def test_no_module_imports_itself_through_others(sources) -> None:
    graph = {
        name: {found.module for found in ours(source) if not found.typing_only and found.module != name}
        for name, source in sources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_siblings_are_imported_by_their_full_path(sources) -> None:
    """Never through their own package's `__init__`: that is how cycles begin."""
    wrong = [
        f"{source.path}:{found.line} takes {', '.join(found.names)} from {found.module}"
        for source in sources.values()
        if not source.is_package
        for found in ours(source)
        if found.names and found.names != ("__version__",) and source.name.startswith(f"{found.module}.")
    ]
    assert wrong == []


@pytest.mark.parametrize("library", IMPORTERS)
def test_a_heavy_library_has_one_home(sources, library) -> None:
    importers = {
        source.path
        for source in sources.values()
        if any(found.module.partition(".")[0] == library for found in source.imports)
    }
    assert [path for path in sorted(importers) if not any(fnmatch(path, home) for home in IMPORTERS[library])] == []


def test_light_modules_name_no_heavy_library_at_their_top(sources) -> None:
    wrong = []
    for source in sources.values():
        top = {node.lineno for node in source.tree.body}
        wrong += [
            f"{source.path}:{found.line} imports {found.module}"
            for found in source.imports
            if source.layer in LIGHT and found.line in top and found.module.partition(".")[0] in HEAVY
        ]
    assert wrong == []


def test_a_rule_knows_no_other_rule_and_only_the_recipes_know_rules(sources) -> None:
    rules = "mobiledeploy.rewrite.rules."
    wrong = [
        f"{source.path}:{found.line} imports {found.module}"
        for source in sources.values()
        if source.name != "mobiledeploy.rewrite.recipes"
        for found in ours(source)
        if found.module.startswith(rules) and found.module != source.name
    ]
    assert wrong == []
