"""timm where it cannot be imported: one clear sentence, not a traceback of somebody else's."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mobiledeploy.errors import MobileDeployError
from mobiledeploy.sources.timm_library import timm

BROKEN = [
    (
        RuntimeError("operator torchvision::nms does not exist"),
        "torch and torchvision do not fit together: operator torchvision::nms does not exist",
        "Install a matching pair",
    ),
    (
        ImportError("/lib/torchvision/_C.so: undefined symbol: _ZN3c10"),
        "torch and torchvision do not fit together: /lib/torchvision/_C.so: undefined symbol: _ZN3c10",
        "Install a matching pair",
    ),
    (
        ModuleNotFoundError("No module named 'torchvision'", name="torchvision"),
        "timm cannot be imported: ModuleNotFoundError: No module named 'torchvision'",
        "Install it again",
    ),
    (
        ModuleNotFoundError("No module named 'timm'", name="timm"),
        "timm cannot be imported: ModuleNotFoundError: No module named 'timm'",
        "Install it again",
    ),
    (OSError("libcudart.so\nnot found"), "timm cannot be imported: OSError: libcudart.so", "Install it again"),
]


class Failing:
    """A finder that meets the import of timm with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        if name == "timm":
            raise self.error


@pytest.mark.parametrize(
    ("error", "what", "remedy"), BROKEN, ids=[type(error).__name__ + what[:9] for error, what, _ in BROKEN]
)
def test_a_broken_installation_is_named_with_its_remedy(error, what, remedy, monkeypatch) -> None:
    for name in [name for name in sys.modules if name == "timm" or name.startswith("timm.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Failing(error), *sys.meta_path])
    timm.cache_clear()
    with pytest.raises(MobileDeployError) as caught:
        timm()
    assert caught.value.what == what
    assert caught.value.where == "import timm"
    assert (caught.value.remedy or "").startswith(remedy)


def test_a_factory_without_timm_does_not_import_it(tmp_path) -> None:
    (tmp_path / "nets.py").write_text("from torch import nn\ndef net():\n    return nn.Linear(3, 2), [(1, 3)]\n")
    script = (
        "import sys\nfrom mobiledeploy.sources import resolve\n"
        f"resolve({str(tmp_path / 'nets.py')!r} + ':net', weights='random')\n"
        "print(sorted({'timm', 'torchvision', 'huggingface_hub', 'safetensors', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
