"""Seeded weights: the same everywhere, without a trivial value, within fp16's range, and alive."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from mobiledeploy.records import InputSpec
from mobiledeploy.sources import list_models, resolve
from mobiledeploy.sources.weights.calibration import calibrate, seeded_pictures
from mobiledeploy.sources.weights.seeded import seed_weights
from mobiledeploy.sources.weights.uniform import CHUNK, uniform

# Every family that the project promises, and one of each kind of network beside them.
ALIVE = [
    *[name for name in list_models("fastvit_*") if name not in ("fastvit_mci3", "fastvit_mci4")],
    "mobilevit_xxs",
    "mobilevit_xs",
    "mobilevit_s",
    "mobilevitv2_050",
    "mixer_s32_224",
    "mixer_s16_224",
    "mixer_b32_224",
    "mixer_b16_224",
    "mobilenetv2_100",
    "mobilenetv3_large_100",
    "mobileone_s0",
    "mobileone_s1",
    "repvgg_a0",
    "resnet50",
    "convnext_tiny",
    "deit_tiny_patch16_224",
    "poolformer_s12",
    "efficientnet_b0",
    "levit_128s",
]

FASTVIT_T8 = "353c5e367b7006194de540e525648888eada951fa8e92543ce89af5da7016982"


def test_the_stream_of_numbers_is_fixed_for_good() -> None:
    """Recomputed here from PCG64's recurrence (O'Neill 2014, XSL-RR 128/64), without NumPy's generator."""
    state_mask, multiplier = (1 << 128) - 1, 0x2360ED051FC65DA44385DF649FCCF645
    generator = np.random.PCG64(int.from_bytes(hashlib.sha256(b"3 stem.weight").digest()[:16], "little"))
    state, increment = generator.state["state"]["state"], generator.state["state"]["inc"]
    expected = []
    for _ in range(50):
        state = (state * multiplier + increment) & state_mask
        word, turn = (state >> 64) ^ (state & ((1 << 64) - 1)), state >> 122
        word = ((word >> turn) | (word << (64 - turn))) & ((1 << 64) - 1)
        expected += [word & 0xFFFFFFFF, word >> 32]
    values = uniform(3, "stem.weight", 99, 0.0, 1.0)
    assert values.tolist() == [(number >> 8) / 2**24 for number in expected[:99]]


def test_values_do_not_depend_on_how_many_are_drawn() -> None:
    long = uniform(0, "x", 2 * CHUNK + 5, -1.0, 1.0)
    assert np.array_equal(long[: CHUNK + 3], uniform(0, "x", CHUNK + 3, -1.0, 1.0))
    assert long.min() >= -1.0
    assert long.max() < 1.0
    assert abs(float(long.mean())) < 0.01
    assert not np.array_equal(long[:10], uniform(1, "x", 10, -1.0, 1.0))
    assert not np.array_equal(long[:10], uniform(0, "y", 10, -1.0, 1.0))


def test_the_weights_of_a_seed_are_fixed_for_good() -> None:
    """Changing them changes every artifact with random weights; the hash makes that a decision. They also depend on
    the resolution, at which the statistics were measured."""
    assert resolve("fastvit_t8", weights="random").record.weights.sha256 == FASTVIT_T8


def test_another_processor_gives_the_same_weights() -> None:
    """Without vector instructions and oneDNN, and with other threads, sums are rounded differently; the weights not."""
    script = (
        "import torch\nfrom mobiledeploy.sources import resolve\n"
        "torch.backends.mkldnn.enabled = False\n"
        "assert torch.backends.cpu.get_cpu_capability() in ('DEFAULT', 'NO AVX')\n"
        "print(resolve('fastvit_t8', weights='random', resolution=(64, 64)).record.weights.sha256)"
    )
    changed = {"ATEN_CPU_CAPABILITY": "default", "OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "17"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ | changed
    )
    here = resolve("fastvit_t8", weights="random", resolution=(64, 64)).record.weights.sha256
    assert done.stdout.strip() == here


def test_the_global_generators_do_not_matter() -> None:
    torch.manual_seed(1)
    first = resolve("mobilevit_xxs", weights="random", resolution=(64, 64), seed=7).record.weights.sha256
    torch.manual_seed(2)
    drawn = torch.random.get_rng_state()
    second = resolve("mobilevit_xxs", weights="random", resolution=(64, 64), seed=7).record.weights.sha256
    assert first == second
    assert torch.equal(torch.random.get_rng_state(), drawn), "nothing is drawn from the caller's generator"
    assert resolve("mobilevit_xxs", weights="random", resolution=(64, 64), seed=8).record.weights.sha256 != first


@pytest.mark.parametrize("name", ALIVE)
def test_activations_stay_in_range_and_the_picture_reaches_the_output(name, photographs) -> None:
    source = resolve(name, weights="random")
    (spec,) = source.inputs
    largest: dict[str, float] = {}

    def watch(path: str):
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, torch.Tensor):
                largest[path] = float(output.abs().max())

        return hook

    for path, module in source.module.named_modules():
        module.register_forward_hook(watch(path))
    with torch.no_grad():
        outputs = source.module(photographs(spec))
    assert {path: value for path, value in largest.items() if not value < 1e4} == {}
    for output in outputs:
        assert 1e-3 < float(output.std()) < 1e2
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert float((outputs[a] - outputs[b]).std()) > 0.05 * float(outputs[a].std())


@pytest.fixture(scope="module")
def photographs():
    """Three photographs at the size and with the normalization of an InputSpec, as one batch."""
    from matplotlib import cbook
    from PIL import Image
    from sklearn.datasets import load_sample_images

    with cbook.get_sample_data("grace_hopper.jpg") as file:
        pictures = [np.asarray(Image.open(file).convert("RGB")), *load_sample_images().images]

    def batch(spec: InputSpec) -> torch.Tensor:
        assert spec.preprocessing is not None
        height, width = spec.shape[2:]
        resized = [np.asarray(Image.fromarray(picture).resize((width, height)), np.float32) for picture in pictures]
        mean = np.array(spec.preprocessing.mean, np.float32)
        std = np.array(spec.preprocessing.std, np.float32)
        normalized = [(picture / 255 - mean) / std for picture in resized]
        return torch.from_numpy(np.stack(normalized).transpose(0, 3, 1, 2).copy())

    return batch


def test_no_value_is_trivial() -> None:
    """What a wrong fusion would hide behind: statistics, gammas, betas and scales of 0 or 1, and equal channels."""
    module = resolve("fastvit_t8", weights="random").module
    for path, child in module.named_modules():
        if isinstance(child, nn.BatchNorm2d):
            assert child.running_mean is not None
            assert child.running_var is not None
            assert float(child.running_mean.abs().max()) > 0, path
            assert float(child.running_mean.std()) > 0.01 * float(child.running_var.mean()) ** 0.5, path
            assert float(child.running_var.std()) > 0.1 * float(child.running_var.mean()), path
            assert 0.7 <= float(child.weight.min()) <= float(child.weight.max()) < 1.3, path
            assert float(child.weight.std()) > 0.1, path
            assert float(child.bias.std()) > 0.03, path
    scales = [value for name, value in module.named_parameters() if name.endswith("gamma")]
    assert len(scales) == 20
    assert all(0.1 <= float(scale.min()) < float(scale.max()) < 0.5 for scale in scales)


class Roles(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 32, 3, groups=4)
        self.linear = nn.Linear(64, 16)
        self.attention = nn.MultiheadAttention(16, 2)
        self.norm = nn.LayerNorm(16)
        self.prelu = nn.PReLU(5)
        self.layer_scale = nn.Parameter(torch.zeros(9, 1, 1))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 40))
        self.pos_embed = nn.Parameter(torch.zeros(1, 10, 40))
        self.register_buffer("indices", torch.arange(6))
        self.register_buffer("window", torch.ones(6))


ROLES = [
    ("conv.weight", (3 / 18) ** 0.5, True),
    ("linear.weight", (3 / 64) ** 0.5, True),
    ("attention.in_proj_weight", (3 / 16) ** 0.5, True),
    ("conv.bias", 0.1, True),
    ("norm.bias", 0.1, True),
    ("cls_token", 0.1, True),
    ("pos_embed", 0.1, True),
    ("norm.weight", 1.3, False),
    ("prelu.weight", 0.4, False),
    ("layer_scale", 0.5, False),
]


@pytest.mark.parametrize(("name", "bound", "signed"), ROLES, ids=[name for name, _, _ in ROLES])
def test_every_role_has_its_interval(name, bound, signed) -> None:
    module = Roles()
    seed_weights(module, (), 0)
    values = module.get_parameter(name)
    assert float(values.detach().abs().max()) <= bound
    assert float(values.detach().max()) > 0.6 * bound
    assert (float(values.detach().min()) < 0) is signed


def test_buffers_that_are_no_statistics_stay() -> None:
    module = Roles()
    seed_weights(module, (), 0)
    assert module.indices.tolist() == list(range(6))
    assert module.window.tolist() == [1.0] * 6


def test_a_value_depends_on_its_name_alone() -> None:
    class Grown(nn.Module):
        """The same modules, made in another order, with one more."""

        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(3, 3)
            self.norm = nn.LayerNorm(16)
            self.conv = nn.Conv2d(8, 32, 3, groups=4)

    small, grown = Roles(), Grown()
    seed_weights(small, (), 0)
    seed_weights(grown, (), 0)
    for name in ("conv.weight", "conv.bias", "norm.weight", "norm.bias"):
        assert torch.equal(small.get_parameter(name), grown.get_parameter(name))


PICTURE = (InputSpec(name="x", shape=(1, 3, 32, 32)),)


def test_statistics_follow_what_arrives() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)).eval()
    with torch.no_grad():
        module[0].weight.mul_(1000.0)
    seed_weights(module[1], (), 0)
    before = module[1].running_var.clone()
    calibrate(module, PICTURE, 0)
    with torch.no_grad():
        values = module[0](torch.from_numpy(seeded_pictures(0, (4, 3, 32, 32))))
    power = (module[1].running_var / before).sqrt()
    assert len(set(power.tolist())) == 1, "one power of two for all channels"
    assert np.frexp(power[0].item())[0] == 0.5
    assert 0.4 < float(power[0] / values.square().mean((0, 2, 3)).sqrt().max()) < 2


def test_code_that_insists_on_float32_is_calibrated_in_float32() -> None:
    class Stubborn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x.dtype == torch.float32
            return self.norm(x * 64)

    module = Stubborn().eval()
    calibrate(module, PICTURE, 0)
    assert float(module.norm.running_var.min()) > 1000
    assert module.norm.weight.dtype == torch.float32


def test_a_model_that_does_not_run_keeps_its_statistics() -> None:
    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.norm(x * 64)
            raise ValueError("no")

    module = Broken().eval()
    seed_weights(module.norm, (), 0)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    calibrate(module, PICTURE, 0)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not module.norm._forward_pre_hooks


def test_a_difference_of_equal_things_is_not_amplified() -> None:
    class Difference(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.norm(x * 3.1 / 3.1 - x)

    module = Difference().eval()
    calibrate(module, PICTURE, 0)
    assert module.norm.running_var.tolist() == [1.0] * 3
    assert module.norm.running_mean.tolist() == [0.0] * 3


def test_inputs_that_are_no_pictures_do_not_stand_in_the_way() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(4, 3)
            self.norm = nn.BatchNorm2d(3)

        def forward(self, ids: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            return self.norm(x * 64 + self.embedding(ids)[:, :, None, None])

    module = Mixed().eval()
    calibrate(module, (InputSpec("ids", (1,), dtype="int64"), *PICTURE), 0)
    assert float(module.norm.running_var.min()) > 1000


def test_a_norm_over_one_value_keeps_its_statistics() -> None:
    class OnePicture(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.norm(x.reshape(1, 3, 32, 32).mean((2, 3), keepdim=True))

    module = OnePicture().eval()
    calibrate(module, PICTURE, 0)
    assert module.norm.running_mean.tolist() == [0.0] * 3


def test_a_norm_over_one_value_of_each_picture_is_fitted_to_their_variety() -> None:
    module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3)).eval()
    calibrate(module, PICTURE, 0)
    assert module[1].running_mean.tolist() != [0.0] * 3


def test_pictures_differ_in_brightness_and_contrast() -> None:
    pictures = seeded_pictures(0, (4, 3, 64, 64))
    assert np.ptp(pictures.mean((1, 2, 3))) > 0.5
    assert pictures.std((1, 2, 3)).max() > 1.2 * pictures.std((1, 2, 3)).min()
    assert pictures.min() >= np.float32(-2.2)
    assert pictures.max() <= np.float32(2.6)
