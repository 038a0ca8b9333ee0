"""The list of one small model of each of timm's model modules: `timm_modules.txt`.

    python benchmarks/coverage/timm_modules.py [--check]
    mobiledeploy sweep benchmarks/coverage/timm_modules.txt --weights random

Of each module's models the one with the fewest parameters, those aside whose names say that they are large (where there
are others). Models are made on the meta device: nothing is computed and nothing fetched. With `--check` nothing is
written, and the exit code is 1 where the list is not the one of the installed timm.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import defaultdict
from pathlib import Path

LIST = Path(__file__).with_name("timm_modules.txt")
LARGE = ("huge", "giant", "gigantic", "xxlarge", "_xl", "xlarge", "large", "_so400m", "_7b", "_e_", "enormous")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    text = listed(smallest())
    if arguments.check:
        return int(text != LIST.read_text(encoding="utf-8"))
    LIST.write_text(text, encoding="utf-8")
    return 0


def listed(models: dict[str, tuple[int, str]]) -> str:
    import timm

    head = f"# One small model of each of timm {timm.__version__}'s {len(models)} model modules (timm_modules.py).\n"
    return head + "".join(f"{name:40}# {module}, {size} parameters\n" for module, (size, name) in models.items())


def smallest() -> dict[str, tuple[int, str]]:
    """Parameters and name of each module's smallest model that can be made, by module, sorted."""
    found = {}
    for module, names in sorted(modules().items()):
        candidates = [name for name in names if not any(word in name for word in LARGE)] or names
        sized = [(size, name) for name in candidates if (size := parameters(name)) is not None]
        if sized:
            found[module] = min(sized, key=lambda pair: pair[0])
            print(f"{module:24}{found[module][1]}", file=sys.stderr)
    return found


def modules() -> dict[str, list[str]]:
    import timm

    by_module: dict[str, list[str]] = defaultdict(list)
    for name in timm.list_models():
        by_module[timm.models.model_entrypoint(name).__module__.rpartition(".")[2]].append(name)
    return by_module


def parameters(name: str) -> int | None:
    """None for a model that cannot be made without values, or without a library that is not here."""
    import timm
    import torch

    try:
        with torch.device("meta"), warnings.catch_warnings(action="ignore"):
            model = timm.create_model(name)
    except (RuntimeError, NotImplementedError, ImportError, AssertionError):
        return None
    return sum(parameter.numel() for parameter in model.parameters())


if __name__ == "__main__":
    sys.exit(main())
