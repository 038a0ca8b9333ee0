"""One small model of every family of torchvision, with random weights, as factories.

    mobiledeploy sweep 'benchmarks/coverage/torchvision_models.py:*' --weights random

Classification, segmentation, video and optical flow; detectors end in a non-maximum suppression whose number of boxes
depends on the picture, which no static graph holds, and are left out.
"""

from __future__ import annotations

from typing import Any

from torch import nn

Factory = tuple[nn.Module, list[tuple[int, ...]]]


def _classifier(name: str, size: int = 224, **options: Any) -> Factory:
    from torchvision import models

    return models.get_model(name, weights=None, **options), [(1, 3, size, size)]


def _segmenter(name: str) -> Factory:
    from torchvision import models

    return models.get_model(name, weights=None, weights_backbone=None), [(1, 3, 224, 224)]


def _video(name: str, frames: int, size: int) -> Factory:
    from torchvision import models

    return models.get_model(name, weights=None), [(1, 3, frames, size, size)]


def alexnet() -> Factory:
    return _classifier("alexnet")


def convnext_tiny() -> Factory:
    return _classifier("convnext_tiny")


def densenet121() -> Factory:
    return _classifier("densenet121")


def efficientnet_b0() -> Factory:
    return _classifier("efficientnet_b0")


def efficientnet_v2_s() -> Factory:
    return _classifier("efficientnet_v2_s")


def googlenet() -> Factory:
    return _classifier("googlenet", init_weights=True, aux_logits=False)


def inception_v3() -> Factory:
    return _classifier("inception_v3", 299, init_weights=True)


def maxvit_t() -> Factory:
    return _classifier("maxvit_t")


def mnasnet0_5() -> Factory:
    return _classifier("mnasnet0_5")


def mobilenet_v2() -> Factory:
    return _classifier("mobilenet_v2")


def mobilenet_v3_small() -> Factory:
    return _classifier("mobilenet_v3_small")


def mobilenet_v3_large() -> Factory:
    return _classifier("mobilenet_v3_large")


def regnet_x_400mf() -> Factory:
    return _classifier("regnet_x_400mf")


def regnet_y_400mf() -> Factory:
    return _classifier("regnet_y_400mf")


def resnet18() -> Factory:
    return _classifier("resnet18")


def resnext50_32x4d() -> Factory:
    return _classifier("resnext50_32x4d")


def shufflenet_v2_x0_5() -> Factory:
    return _classifier("shufflenet_v2_x0_5")


def squeezenet1_1() -> Factory:
    return _classifier("squeezenet1_1")


def swin_t() -> Factory:
    return _classifier("swin_t")


def swin_v2_t() -> Factory:
    return _classifier("swin_v2_t", 256)


def vgg11_bn() -> Factory:
    return _classifier("vgg11_bn")


def vit_b_16() -> Factory:
    return _classifier("vit_b_16")


def wide_resnet50_2() -> Factory:
    return _classifier("wide_resnet50_2")


def deeplabv3_mobilenet_v3_large() -> Factory:
    return _segmenter("deeplabv3_mobilenet_v3_large")


def deeplabv3_resnet50() -> Factory:
    return _segmenter("deeplabv3_resnet50")


def fcn_resnet50() -> Factory:
    return _segmenter("fcn_resnet50")


def lraspp_mobilenet_v3_large() -> Factory:
    return _segmenter("lraspp_mobilenet_v3_large")


def r3d_18() -> Factory:
    return _video("r3d_18", 8, 112)


def mc3_18() -> Factory:
    return _video("mc3_18", 8, 112)


def r2plus1d_18() -> Factory:
    return _video("r2plus1d_18", 8, 112)


def s3d() -> Factory:
    return _video("s3d", 14, 224)


def mvit_v2_s() -> Factory:
    return _video("mvit_v2_s", 16, 224)


def swin3d_t() -> Factory:
    return _video("swin3d_t", 8, 224)


def raft_small() -> Factory:
    """Optical flow: correlation volumes and a bilinear lookup, two of its iterative updates."""
    from torchvision import models

    class LastFlow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.raft = models.optical_flow.raft_small(weights=None)

        def forward(self, first: Any, second: Any) -> Any:
            return self.raft(first, second, num_flow_updates=2)[-1]

    return LastFlow(), [(1, 3, 128, 128), (1, 3, 128, 128)]
