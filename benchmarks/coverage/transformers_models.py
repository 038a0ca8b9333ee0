"""Vision models of transformers, small, made from a configuration with random weights, as factories.

    mobiledeploy sweep 'benchmarks/coverage/transformers_models.py:*' --weights random

Nothing is fetched: a configuration says the sizes, and these are cut down where the widths decide the time and not the
operators.
"""

from __future__ import annotations

from typing import Any

from torch import nn

Factory = tuple[nn.Module, list[tuple[int, ...]]]

_TRANSFORMER: dict[str, Any] = {
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
}
_PATCHES: dict[str, Any] = {"image_size": 64, "patch_size": 16, **_TRANSFORMER}


def _made(family: str, head: str, size: int, **options: Any) -> Factory:
    import transformers

    config = getattr(transformers, f"{family}Config")(**options)
    return getattr(transformers, f"{family}{head}")(config), [(1, 3, size, size)]


def _classifier(family: str, size: int, **options: Any) -> Factory:
    return _made(family, "ForImageClassification", size, num_labels=10, **options)


def vit() -> Factory:
    return _classifier("ViT", 64, **_PATCHES)


def deit() -> Factory:
    return _classifier("DeiT", 64, **_PATCHES)


def beit() -> Factory:
    return _classifier("Beit", 64, use_relative_position_bias=True, **_PATCHES)


def data2vec_vision() -> Factory:
    return _classifier("Data2VecVision", 64, use_relative_position_bias=True, **_PATCHES)


def swin() -> Factory:
    return _classifier("Swin", 64, image_size=64, embed_dim=24, depths=[2, 2], num_heads=[2, 4], window_size=4)


def swinv2() -> Factory:
    return _classifier("Swinv2", 64, image_size=64, embed_dim=24, depths=[2, 2], num_heads=[2, 4], window_size=4)


def donut_swin() -> Factory:
    options = {"image_size": 64, "embed_dim": 24, "depths": [2, 2], "num_heads": [2, 4], "window_size": 4}
    return _made("DonutSwin", "Model", 64, **options)


def swin2sr() -> Factory:
    """Super-resolution: window attention, then a pixel shuffle."""
    options = {"image_size": 32, "embed_dim": 24, "depths": [2, 2], "num_heads": [2, 2], "window_size": 4}
    return _made("Swin2SR", "ForImageSuperResolution", 32, **options)


def convnext() -> Factory:
    return _classifier("ConvNext", 96, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 2, 1])


def convnextv2() -> Factory:
    return _classifier("ConvNextV2", 96, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 2, 1])


def mobilenet_v1() -> Factory:
    return _classifier("MobileNetV1", 96, depth_multiplier=0.25, min_depth=8)


def mobilenet_v2() -> Factory:
    return _classifier("MobileNetV2", 96, depth_multiplier=0.35)


def mobilevit() -> Factory:
    return _classifier("MobileViT", 256)


def mobilevit_segmentation() -> Factory:
    return _made("MobileViT", "ForSemanticSegmentation", 256, num_labels=10)


def mobilevitv2() -> Factory:
    return _classifier("MobileViTV2", 256, width_multiplier=0.5)


def efficientnet() -> Factory:
    return _classifier("EfficientNet", 128, width_coefficient=0.5, depth_coefficient=0.5, hidden_dim=640)


def poolformer() -> Factory:
    return _classifier("PoolFormer", 96, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 2, 1])


def regnet() -> Factory:
    return _classifier(
        "RegNet", 96, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 2, 1], embedding_size=16, groups_width=8
    )


def resnet() -> Factory:
    return _classifier("ResNet", 96, hidden_sizes=[32, 48, 64, 96], depths=[1, 1, 2, 1], embedding_size=16)


def bit() -> Factory:
    return _classifier("Bit", 96, hidden_sizes=[32, 64, 96, 128], depths=[1, 1, 1, 1], embedding_size=32, num_groups=8)


def textnet() -> Factory:
    return _classifier("TextNet", 96)


def hgnet_v2() -> Factory:
    return _classifier("HGNetV2", 96)


def segformer() -> Factory:
    return _classifier("Segformer", 128, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1])


def segformer_segmentation() -> Factory:
    options = {"hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 1, 1], "decoder_hidden_size": 32, "num_labels": 10}
    return _made("Segformer", "ForSemanticSegmentation", 128, **options)


def glpn() -> Factory:
    options = {"hidden_sizes": [16, 32, 40, 64], "depths": [1, 1, 1, 1], "decoder_hidden_size": 16}
    return _made("GLPN", "ForDepthEstimation", 128, **options)


def levit() -> Factory:
    return _classifier("Levit", 224, hidden_sizes=[64, 96, 128], depths=[1, 1, 1], num_attention_heads=[2, 3, 4])


def cvt() -> Factory:
    return _classifier("Cvt", 96, embed_dim=[16, 32, 48], num_heads=[1, 2, 3], depth=[1, 2, 3])


def focalnet() -> Factory:
    return _classifier("FocalNet", 96, image_size=96, embed_dim=24, depths=[1, 1, 2, 1])


def pvt() -> Factory:
    return _classifier("Pvt", 128, image_size=128, hidden_sizes=[16, 32, 40, 64], depths=[1, 1, 1, 1])


def pvt_v2() -> Factory:
    return _classifier("PvtV2", 128, image_size=128, hidden_sizes=[16, 32, 40, 64], depths=[1, 1, 1, 1])


def swiftformer() -> Factory:
    return _classifier("SwiftFormer", 224, depths=[1, 1, 2, 1], embed_dims=[24, 32, 48, 64])


def hiera() -> Factory:
    return _classifier("Hiera", 224, embed_dim=32, depths=[1, 2, 3, 2], num_heads=[1, 2, 4, 8])


def dinov2() -> Factory:
    options = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    return _classifier("Dinov2", 56, image_size=56, patch_size=14, **options)


def dinov2_with_registers() -> Factory:
    options = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    return _classifier("Dinov2WithRegisters", 56, image_size=56, patch_size=14, **options)


def dinov3_vit() -> Factory:
    return _made("DINOv3ViT", "Model", 64, **_PATCHES)


def dinov3_convnext() -> Factory:
    return _made("DINOv3ConvNext", "Model", 96, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 2, 1])


def ijepa() -> Factory:
    return _classifier("IJepa", 64, **_PATCHES)


def vit_msn() -> Factory:
    return _classifier("ViTMSN", 64, **_PATCHES)


def vitdet() -> Factory:
    options = {"image_size": 64, "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    options |= {"window_size": 2, "window_block_indices": [0], "use_relative_position_embeddings": True}
    return _made("VitDet", "Model", 64, **options)


def yolos() -> Factory:
    options = {**_PATCHES, "image_size": [64, 64], "num_detection_tokens": 10}
    return _made("Yolos", "ForObjectDetection", 64, num_labels=4, **options)


def clip_vision() -> Factory:
    return _made("CLIPVision", "Model", 64, **_PATCHES)


def siglip_vision() -> Factory:
    return _made("SiglipVision", "Model", 64, **_PATCHES)


def sam_vision() -> Factory:
    options = {**_TRANSFORMER, "mlp_dim": 96, "output_channels": 32, "global_attn_indexes": [1], "window_size": 7}
    options.pop("intermediate_size")
    return _made("SamVision", "Model", 256, image_size=256, patch_size=16, **options)


def dpt() -> Factory:
    options = {**_PATCHES, "num_hidden_layers": 4, "backbone_out_indices": [0, 1, 2, 3], "is_hybrid": False}
    options |= {"neck_hidden_sizes": [16, 16, 32, 32], "fusion_hidden_size": 16}
    return _made("DPT", "ForDepthEstimation", 64, **options)


def depth_anything() -> Factory:
    from transformers import Dinov2Config

    inner = {"hidden_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4}
    outer = {"out_indices": [1, 2, 3, 4], "apply_layernorm": True, "reshape_hidden_states": False}
    backbone = Dinov2Config(image_size=56, patch_size=14, **inner, **outer)
    options = {"neck_hidden_sizes": [16, 16, 32, 32], "fusion_hidden_size": 16, "head_hidden_size": 8}
    options |= {"reassemble_hidden_size": 48}
    return _made("DepthAnything", "ForDepthEstimation", 56, backbone_config=backbone, patch_size=14, **options)


def upernet() -> Factory:
    from transformers import ConvNextConfig

    stages = ["stage1", "stage2", "stage3", "stage4"]
    backbone = ConvNextConfig(hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 2, 1], out_features=stages)
    options = {"hidden_size": 32, "auxiliary_in_channels": 48, "auxiliary_channels": 16, "num_labels": 10}
    return _made("UperNet", "ForSemanticSegmentation", 128, backbone_config=backbone, **options)


def detr() -> Factory:
    """An encoder and decoder with object queries above a ResNet; no suppression follows."""
    from transformers import ResNetConfig

    stages = {"hidden_sizes": [32, 48, 64, 96], "depths": [1, 1, 1, 1], "embedding_size": 16}
    backbone = ResNetConfig(out_features=["stage4"], **stages)
    options: dict[str, Any] = {"d_model": 32, "num_queries": 10, "encoder_layers": 1, "decoder_layers": 2}
    options |= {"encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 64}
    options |= {"decoder_ffn_dim": 64, "use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None}
    return _made("Detr", "ForObjectDetection", 128, backbone_config=backbone, num_labels=4, **options)


def superpoint() -> Factory:
    """How many keypoints there are depends on the picture, which no static graph holds."""
    return _made("SuperPoint", "ForKeypointDetection", 96)
