"""Vision transformers of vit-pytorch, a small one of each kind, with random weights, as factories.

    mobiledeploy sweep 'benchmarks/coverage/vit_pytorch_models.py:*' --weights random

They are written with einops: `rearrange`, `repeat` and einsum of every shape. LocalViT is left out: it does not run
(vit-pytorch 1.26.11 normalizes its picture along the wrong axis).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from torch import nn

Factory = tuple[nn.Module, list[tuple[int, ...]]]

_SMALL: dict[str, Any] = {
    "image_size": 128,
    "patch_size": 16,
    "num_classes": 10,
    "dim": 64,
    "depth": 2,
    "heads": 4,
    "mlp_dim": 128,
}
_VIDEO: dict[str, Any] = {
    "image_size": 64,
    "image_patch_size": 16,
    "frames": 8,
    "frame_patch_size": 2,
    "num_classes": 10,
    "dim": 64,
    "heads": 4,
    "mlp_dim": 128,
}


def _of(module: str, name: str, **options: Any) -> nn.Module:
    made: nn.Module = getattr(import_module(f"vit_pytorch.{module}"), name)(**options)
    return made


def _small(module: str, name: str, **options: Any) -> Factory:
    size = {**_SMALL, **options}["image_size"]
    return _of(module, name, **{**_SMALL, **options}), [(1, 3, size, size)]


def _pyramid(module: str, name: str, size: int, **options: Any) -> Factory:
    return _of(module, name, num_classes=10, **options), [(1, 3, size, size)]


def vit() -> Factory:
    return _small("vit", "ViT")


def simple_vit() -> Factory:
    return _small("simple_vit", "SimpleViT")


def simple_flash_attn_vit() -> Factory:
    return _small("simple_flash_attn_vit", "SimpleViT")


def simple_vit_with_fft() -> Factory:
    return _small("simple_vit_with_fft", "SimpleViT", freq_patch_size=16)


def simple_vit_with_register_tokens() -> Factory:
    return _small("simple_vit_with_register_tokens", "SimpleViT")


def simple_vit_with_qk_norm() -> Factory:
    return _small("simple_vit_with_qk_norm", "SimpleViT")


def simple_vit_with_value_residual() -> Factory:
    return _small("simple_vit_with_value_residual", "SimpleViT")


def simple_vit_with_patch_dropout() -> Factory:
    return _small("simple_vit_with_patch_dropout", "SimpleViT")


def simple_uvit() -> Factory:
    return _small("simple_uvit", "SimpleUViT", depth=4)


def normalized_vit() -> Factory:
    return _small("normalized_vit", "nViT")


def vit_5() -> Factory:
    return _small("vit_5", "ViT")


def cct() -> Factory:
    options = {"n_conv_layers": 1, "kernel_size": 7, "num_layers": 2, "num_heads": 4, "mlp_ratio": 2.0}
    return _of("cct", "CCT", img_size=128, embedding_dim=64, num_classes=10, **options), [(1, 3, 128, 128)]


def cait() -> Factory:
    return _small("cait", "CaiT", cls_depth=2)


def cross_vit() -> Factory:
    sizes = {"sm_dim": 48, "sm_patch_size": 16, "sm_enc_depth": 1, "sm_enc_heads": 4, "sm_enc_mlp_dim": 96}
    sizes |= {"lg_dim": 64, "lg_patch_size": 32, "lg_enc_depth": 2, "lg_enc_heads": 4, "lg_enc_mlp_dim": 128}
    return _pyramid("cross_vit", "CrossViT", 128, image_size=128, depth=2, **sizes)


def deepvit() -> Factory:
    return _small("deepvit", "DeepViT")


def levit() -> Factory:
    options = {"image_size": 224, "stages": 3, "dim": (64, 96, 128), "depth": 2, "heads": (2, 3, 4), "mlp_mult": 2}
    return _pyramid("levit", "LeViT", 224, **options)


def cvt() -> Factory:
    options = {"s1_emb_dim": 32, "s2_emb_dim": 64, "s2_heads": 2, "s2_depth": 1, "s3_emb_dim": 96, "s3_depth": 2}
    return _pyramid("cvt", "CvT", 128, **options)


def pit() -> Factory:
    return _pyramid("pit", "PiT", 112, image_size=112, patch_size=14, dim=64, depth=(1, 2, 1), heads=4, mlp_dim=128)


def t2t() -> Factory:
    return _pyramid("t2t", "T2TViT", 112, image_size=112, dim=64, depth=2, heads=4, mlp_dim=128)


def twins_svt() -> Factory:
    sizes = {"s1_emb_dim": 32, "s2_emb_dim": 48, "s3_emb_dim": 64, "s4_emb_dim": 96, "s3_depth": 1, "s4_depth": 1}
    return _pyramid("twins_svt", "TwinsSVT", 224, **sizes)


def nest() -> Factory:
    options = {"patch_size": 4, "dim": 48, "heads": 3, "num_hierarchies": 3, "block_repeats": (1, 1, 2)}
    return _pyramid("nest", "NesT", 128, image_size=128, **options)


def mobile_vit() -> Factory:
    channels = [16, 16, 24, 24, 48, 48, 64, 64, 80, 80, 320]
    model = _of("mobile_vit", "MobileViT", image_size=(256, 256), dims=[64, 80, 96], channels=channels, num_classes=10)
    return model, [(1, 3, 256, 256)]


def max_vit() -> Factory:
    return _pyramid("max_vit", "MaxViT", 224, dim=32, depth=(1, 1, 1, 1), dim_conv_stem=32)


def max_vit_with_registers() -> Factory:
    return _pyramid("max_vit_with_registers", "MaxViT", 224, dim=32, depth=(1, 1, 1, 1), dim_conv_stem=32)


def regionvit() -> Factory:
    return _pyramid("regionvit", "RegionViT", 224, dim=(32, 48, 64, 96), depth=(1, 1, 1, 1))


def scalable_vit() -> Factory:
    options = {"depth": (1, 1, 1, 1), "heads": (2, 4, 8, 16), "reduction_factor": (8, 4, 2, 1)}
    return _pyramid("scalable_vit", "ScalableViT", 256, dim=32, window_size=(64, 32, None, None), **options)


def sep_vit() -> Factory:
    return _pyramid("sep_vit", "SepViT", 224, dim=32, depth=(1, 1, 2, 1), heads=(1, 2, 4, 8))


def xcit() -> Factory:
    return _small("xcit", "XCiT", cls_depth=2)


def crossformer() -> Factory:
    return _pyramid("crossformer", "CrossFormer", 224, dim=(32, 48, 64, 96), depth=(1, 1, 2, 1))


def efficient() -> Factory:
    """Any transformer below the patches; here torch's own, with its fused fast path."""
    layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
    body = nn.TransformerEncoder(layer, 2)
    options = {"image_size": 128, "patch_size": 16, "num_classes": 10, "dim": 64}
    return _of("efficient", "ViT", transformer=body, **options), [(1, 3, 128, 128)]


def rvt() -> Factory:
    return _small("rvt", "RvT")


def vit_with_patch_merger() -> Factory:
    return _small("vit_with_patch_merger", "ViT", depth=4, patch_merge_layer=2, patch_merge_num_tokens=8)


def vit_with_patch_dropout() -> Factory:
    return _small("vit_with_patch_dropout", "ViT")


def parallel_vit() -> Factory:
    return _small("parallel_vit", "ViT")


def vit_for_small_dataset() -> Factory:
    return _small("vit_for_small_dataset", "ViT")


def learnable_memory_vit() -> Factory:
    options = {**_SMALL, "num_classes": 10}
    base = _of("learnable_memory_vit", "ViT", **options)
    return _of("learnable_memory_vit", "Adapter", vit=base, num_classes=4), [(1, 3, 128, 128)]


def jumbo_vit() -> Factory:
    return _small("jumbo_vit", "JumboViT")


def look_vit() -> Factory:
    options = {"dim": 64, "image_size": 128, "patch_size": 32, "highres_patch_size": 16, "heads": 4}
    return _pyramid("look_vit", "LookViT", 128, depth=2, cross_attn_heads=4, **options)


def vit_nd_rotary() -> Factory:
    options = {key: value for key, value in _SMALL.items() if key != "image_size"}
    model = _of("vit_nd_rotary", "ViTND", ndim=2, input_shape=128, **options)
    return model, [(1, 3, 128, 128)]


def vivit() -> Factory:
    return _of("vivit", "ViViT", spatial_depth=2, temporal_depth=2, **_VIDEO), [(1, 3, 8, 64, 64)]


def vivit_factorized_attention() -> Factory:
    options = {"spatial_depth": 2, "temporal_depth": 2, "variant": "factorized_self_attention", "use_flash_attn": False}
    return _of("vivit", "ViViT", **options, **_VIDEO), [(1, 3, 8, 64, 64)]


def vit_3d() -> Factory:
    return _of("vit_3d", "ViT", depth=2, **_VIDEO), [(1, 3, 8, 64, 64)]


def simple_vit_3d() -> Factory:
    return _of("simple_vit_3d", "SimpleViT", depth=2, **_VIDEO), [(1, 3, 8, 64, 64)]


def simple_vit_1d() -> Factory:
    options = {"seq_len": 256, "num_classes": 10, "dim": 64, "depth": 2, "heads": 4, "mlp_dim": 128}
    return _of("simple_vit_1d", "SimpleViT", patch_size=16, **options), [(1, 3, 256)]


def ats_vit() -> Factory:
    """Adaptive token sampling: how many tokens stay depends on the picture, which no static graph holds."""
    return _small("ats_vit", "ViT", max_tokens_per_depth=(32, 16))
