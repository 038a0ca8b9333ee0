"""The user's own code: what it may return, what it takes, and what is said when it fails."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from torch import nn

from mobiledeploy.errors import FactoryError, InputError
from mobiledeploy.records import InputSpec
from mobiledeploy.sources import resolve

NETS = """
import torch
from torch import nn
import timm
from mobiledeploy.records import InputSpec

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, picture):
        return self.conv(picture)

class Shaped(Net):
    mobiledeploy_inputs = [(1, 3, 40, 48)]

class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, left, right, scale=1.0):
        return self.linear(left) + right * scale

class Lazy(nn.Module):
    mobiledeploy_inputs = (1, 6)

    def __init__(self):
        super().__init__()
        self.linear = nn.LazyLinear(2)

    def forward(self, x):
        return self.linear(x)

class Holder:
    @staticmethod
    def build():
        return Net()

def net():
    print("this goes to standard error")
    return Net(width=8)

def pair():
    return Pair(), [(1, 4), torch.zeros(1, 4, dtype=torch.float32)]

def spec():
    return Net(), InputSpec(name="photo", shape=(1, 3, 32, 32))

def ids():
    return nn.Embedding(10, 4), [torch.zeros(1, 7, dtype=torch.int64)]

def zoo():
    return timm.create_model("mobilevit_xxs", num_classes=5)

def half():
    return Net().half().train()

class Unfit(Lazy):
    mobiledeploy_inputs = (1, 6, 2, 2, 2)

    def forward(self, x):
        return self.linear(x.reshape(5, 5))

def meta():
    with torch.device("meta"):
        return Net()

def raises():
    raise ValueError("out of\\nluck")

def deep():
    return nn.Conv2d(3, 8, 3, groups=2)

def leaves():
    raise SystemExit(3)

def needs(width, *, depth):
    return Net(width)

def nothing():
    return None

def state():
    return Net().state_dict()

def shapeless():
    return Net(), "large"

def negative():
    return Net(), [(1, -3, 32, 32)]

def empty():
    return Net(), []

def unsure():
    return Pair()

ready = Net()
number = 7
"""


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    path = tmp_path / "nets.py"
    path.write_text(NETS)
    return path


def line_of(text: str) -> int:
    return NETS.splitlines().index(text) + 1


def image(*shape: int, name: str = "picture") -> InputSpec:
    return InputSpec(name=name, shape=shape)


TAKES = [
    ("net", (image(1, 3, 224, 224),)),
    ("Net", (image(1, 3, 224, 224),)),
    ("ready", (image(1, 3, 224, 224),)),
    ("Holder.build", (image(1, 3, 224, 224),)),
    ("Shaped", (image(1, 3, 40, 48),)),
    ("pair", (InputSpec("left", (1, 4)), InputSpec("right", (1, 4)))),
    ("spec", (image(1, 3, 32, 32, name="photo"),)),
    ("ids", (InputSpec("input", (1, 7), dtype="int64"),)),
    ("Lazy", (InputSpec("x", (1, 6)),)),
]


@pytest.mark.parametrize(("factory", "inputs"), TAKES, ids=[factory for factory, _ in TAKES])
def test_what_a_model_takes(factory, inputs, nets) -> None:
    source = resolve(f"{nets}:{factory}")
    assert source.inputs == inputs
    assert source.record.kind == "factory"
    assert source.record.identifier == f"nets.py:{factory}"
    assert source.record.name == f"nets_{factory.replace('.', '_')}"
    assert source.record.weights.kind == "own"
    source.module(*(torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype)) for spec in inputs))


def test_a_guess_is_said_aloud(nets, ear) -> None:
    resolve(f"{nets}:net", progress=ear)
    (note,) = ear.notes
    assert "(1, 3, 224, 224)" in note
    assert "mobiledeploy_inputs" in note
    resolve(f"{nets}:Shaped", progress=ear)
    assert len(ear.notes) == 1


def test_a_timm_model_keeps_its_preprocessing_and_license(nets) -> None:
    source = resolve(f"{nets}:zoo")
    (spec,) = source.inputs
    assert (spec.kind, spec.shape) == ("image", (1, 3, 256, 256))
    assert spec.preprocessing is not None
    assert spec.preprocessing.mean == (0.0, 0.0, 0.0)
    assert source.record.license == "cvnets-license"


def test_a_resolution_is_what_is_assumed(nets, ear) -> None:
    assert resolve(f"{nets}:net", resolution=(64, 96), progress=ear).inputs == (image(1, 3, 64, 96),)
    assert resolve(f"{nets}:zoo", resolution=(128, 192)).inputs[0].shape == (1, 3, 128, 192)


def test_a_resolution_replaces_a_declared_one(nets) -> None:
    assert resolve(f"{nets}:Shaped", resolution=(64, 96)).inputs == (image(1, 3, 64, 96),)
    with pytest.raises(InputError, match=r":pair takes no picture, so it has no resolution"):
        resolve(f"{nets}:pair", resolution=(64, 96))


def test_a_resolution_too_small_for_the_model_is_refused(nets) -> None:
    with pytest.raises(InputError, match=r"nets\.py:net does not take 2x2: .*Kernel size"):
        resolve(f"{nets}:net", resolution=(2, 2))


def test_the_module_is_ready_to_be_captured(nets) -> None:
    module = resolve(f"{nets}:half").module
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert not any(child.training for child in module.modules())


def test_prints_of_the_user_go_to_standard_error(nets, capsys) -> None:
    resolve(f"{nets}:net")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "this goes to standard error\n"


def test_an_untrained_model_is_the_same_on_every_run(nets) -> None:
    torch.manual_seed(1)
    first = resolve(f"{nets}:net").record.weights.sha256
    torch.manual_seed(2)
    assert resolve(f"{nets}:net").record.weights.sha256 == first
    assert resolve(f"{nets}:net", seed=9).record.weights.sha256 != first


def test_nothing_is_written_beside_the_users_file(nets) -> None:
    resolve(f"{nets}:net")
    assert [path.name for path in nets.parent.iterdir()] == ["nets.py"]


def test_the_file_may_import_its_neighbours_and_the_path_is_left_as_it_was(tmp_path) -> None:
    (tmp_path / "a_neighbour_of_nets.py").write_text("WIDTH = 6\n")
    (tmp_path / "nets.py").write_text(
        "from torch import nn\nfrom a_neighbour_of_nets import WIDTH\ndef net():\n    return nn.Conv2d(3, WIDTH, 1)\n"
    )
    before = list(sys.path)
    assert resolve(f"{tmp_path / 'nets.py'}:net").module.weight.shape[0] == 6
    assert sys.path == before


def test_a_package_in_the_present_folder_is_found(tmp_path, monkeypatch) -> None:
    package = tmp_path / "a_package_of_nets"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "small.py").write_text("from torch import nn\ndef net():\n    return nn.Linear(3, 2), [(1, 3)]\n")
    monkeypatch.chdir(tmp_path)
    record = resolve("a_package_of_nets.small:net").record
    assert (record.identifier, record.name) == ("a_package_of_nets.small:net", "small_net")


def test_an_installed_package_is_found() -> None:
    source = resolve("torchvision.models.squeezenet:squeezenet1_1")
    assert source.record.name == "squeezenet_squeezenet1_1"
    assert source.inputs[0].shape == (1, 3, 224, 224)


FAILS = [
    ("raises", "the factory raised: ValueError: out of luck", '    raise ValueError("out of\\nluck")'),
    (
        "deep",
        "the factory raised: ValueError: in_channels must be divisible by groups",
        "    return nn.Conv2d(3, 8, 3, groups=2)",
    ),
    ("leaves", "the factory raised: SystemExit: 3", "    raise SystemExit(3)"),
    ("needs", "the factory needs arguments: width, depth", None),
    ("nothing", "the factory returned nothing, not an nn.Module", None),
    ("state", "the factory returned an object of type OrderedDict, not an nn.Module", None),
    ("number", "the factory is an object of type int, neither a function nor a module", None),
    ("shapeless", "'large' declares no inputs", None),
    ("negative", "(1, -3, 32, 32) is no shape", None),
    ("empty", "[] declares no inputs", None),
    ("unsure", "the model takes several inputs (left, right) and does not say of which shape", None),
]


@pytest.mark.parametrize(("factory", "message", "line"), FAILS, ids=[factory for factory, _, _ in FAILS])
def test_a_factory_that_fails_is_named_with_its_line(factory, message, line, nets) -> None:
    with pytest.raises(FactoryError) as caught:
        resolve(f"{nets}:{factory}")
    assert caught.value.what == message
    assert caught.value.remedy
    assert caught.value.where == (f"{nets}:{line_of(line)}" if line else f"{nets}:{factory}")


def test_what_the_file_does_define_is_offered(nets) -> None:
    with pytest.raises(FactoryError, match=f"^{re.escape(str(nets))} defines no `absent`") as caught:
        resolve(f"{nets}:absent")
    assert caught.value.remedy is not None
    assert caught.value.remedy.startswith("It has: Holder, Lazy, Net, Pair, Shaped, ")


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("meta", r"^the parameters of nets\.py:meta are on the meta device, without values"),
        ("Unfit", r"^nets\.py:Unfit does not run: shape '\[5, 5\]' is invalid for input of size 48"),
    ],
)
def test_a_model_that_cannot_be_prepared_is_named(factory, message, nets) -> None:
    with pytest.raises(InputError, match=message):
        resolve(f"{nets}:{factory}")


IMPORTS = [
    ("def net(:\n", "the factory cannot be imported: SyntaxError: ", 1),
    (
        "import os\nimport no_such_module_anywhere\n",
        "ModuleNotFoundError: No module named 'no_such_module_anywhere'",
        2,
    ),
    ("x = 1\ny = x / 0\n", "the factory cannot be imported: ZeroDivisionError: division by zero", 2),
    ("import sys\nsys.exit('bye')\n", "the factory cannot be imported: SystemExit: bye", 2),
]


@pytest.mark.parametrize(("code", "message", "line"), IMPORTS, ids=["syntax", "import", "raise", "exit"])
def test_a_file_that_cannot_be_imported_is_named_with_its_line(code, message, line, tmp_path) -> None:
    path = tmp_path / "broken.py"
    path.write_text(code)
    with pytest.raises(FactoryError) as caught:
        resolve(f"{path}:net")
    assert message in caught.value.what
    assert "\n" not in caught.value.what
    assert caught.value.where == f"{path}:{line}"


def test_a_module_that_fails_inside_itself_is_not_called_missing(tmp_path, monkeypatch) -> None:
    (tmp_path / "fails_inside_itself.py").write_text(
        textwrap.dedent("""
        def start():
            import no_such_module_anywhere
        start()
        """)
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FactoryError, match="cannot be imported: ModuleNotFoundError") as caught:
        resolve("fails_inside_itself:net")
    assert caught.value.where == f"{tmp_path / 'fails_inside_itself.py'}:3"


ABSENT = [
    ("absent.py:net", "no file is there: absent.py"),
    ("absent_package.module:net", "no module is called `absent_package`"),
    ("torch.absent_module:net", "no module is called `torch.absent_module`"),
    ("nets.py", "`nets.py` names no factory"),
    ("nets.py:", "`nets.py:` names no factory"),
    ("torch.nn:Absent", "torch.nn defines no `Absent`"),
]


@pytest.mark.parametrize(("identifier", "message"), ABSENT, ids=[identifier for identifier, _ in ABSENT])
def test_what_is_not_there_is_named(identifier, message, tmp_path, monkeypatch) -> None:
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FactoryError) as caught:
        resolve(identifier)
    assert caught.value.what == message


def test_random_reseeds_and_pretrained_is_refused(nets) -> None:
    own, other = resolve(f"{nets}:net"), resolve(f"{nets}:net", weights="random", seed=4)
    assert other.record.weights.kind == "random"
    assert other.record.weights.seed == 4
    assert other.record.weights.sha256 != own.record.weights.sha256
    with pytest.raises(InputError, match=r"^nets\.py:net brings its own weights"):
        resolve(f"{nets}:net", weights="pretrained")


def test_a_checkpoint_goes_into_a_factory_model(nets, tmp_path) -> None:
    state = nn.Conv2d(3, 8, 3).state_dict()
    torch.save({f"conv.{name}": value for name, value in state.items()}, tmp_path / "w.pth")
    source = resolve(f"{nets}:net", weights=str(tmp_path / "w.pth"))
    assert torch.equal(source.module.get_parameter("conv.weight"), state["weight"])


def test_the_record_names_no_folder(nets) -> None:
    record = resolve(f"{nets}:net").record
    assert os.sep not in f"{record.identifier}{record.name}{record.architecture}"
