"""The parameter names of apple/ml-fastvit and apple/ml-mobileone, beside timm's, written down from their public code.

Every generator yields (Apple's name, timm's name) and follows the modules of Apple's files (models/fastvit.py,
models/modules/mobileone.py, models/modules/replknet.py; mobileone.py), block by block, without looking at the mapping
under test. `fused`: as after `reparameterize_model` there.
"""

from __future__ import annotations

from collections.abc import Iterator

Pair = tuple[str, str]

CONV = ("weight",)
BIASED = ("weight", "bias")
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def each(apple: str, timm: str, leaves: tuple[str, ...]) -> Iterator[Pair]:
    for leaf in leaves:
        yield f"{apple}.{leaf}", f"{timm}.{leaf}"


def conv_bn(apple: str, timm: str) -> Iterator[Pair]:
    yield from each(f"{apple}.conv", f"{timm}.conv", CONV)
    yield from each(f"{apple}.bn", f"{timm}.bn", NORM)


def mobileone_block(
    apple: str,
    timm: str,
    *,
    fused: bool,
    branches: int = 1,
    scale: bool = False,
    skip: bool = False,
    attention: tuple[str, str, str] | None = None,
) -> Iterator[Pair]:
    """`MobileOneBlock`. `attention`: timm's names of the squeeze-and-excite module, its reduction and expansion."""
    if fused:
        yield from each(f"{apple}.reparam_conv", f"{timm}.reparam_conv", BIASED)
    else:
        for index in range(branches):
            yield from conv_bn(f"{apple}.rbr_conv.{index}", f"{timm}.conv_kxk.{index}")
        if scale:
            yield from conv_bn(f"{apple}.rbr_scale", f"{timm}.conv_scale")
        if skip:
            yield from each(f"{apple}.rbr_skip", f"{timm}.identity", NORM)
    if attention:
        module, reduce, expand = attention
        yield from each(f"{apple}.se.reduce", f"{timm}.{module}.{reduce}", BIASED)
        yield from each(f"{apple}.se.expand", f"{timm}.{module}.{expand}", BIASED)


def mobileone(widths: tuple[int, ...], branches: int, squeezed: tuple[int, ...], *, fused: bool) -> Iterator[Pair]:
    """`MobileOne`. `widths`: channels of the stem and of each stage; the last `squeezed` blocks of each stage carry
    squeeze-and-excite."""
    yield from mobileone_block("stage0", "stem", fused=fused, scale=True)
    for stage, (count, attentive) in enumerate(zip((2, 8, 10, 1), squeezed, strict=True)):
        for block in range(count):
            attention = ("attn", "fc1", "fc2") if block >= count - attentive else None
            for part, kernel in ((0, 3), (1, 1)):
                # a skip needs stride 1, which the depthwise half of a first block lacks, and as many channels out as
                # in, which its pointwise half may lack
                skip = block > 0 or (kernel == 1 and widths[stage] == widths[stage + 1])
                yield from mobileone_block(
                    f"stage{stage + 1}.{2 * block + part}",
                    f"stages.{stage}.{2 * block + part}",
                    fused=fused,
                    branches=branches,
                    scale=kernel == 3,
                    skip=skip,
                    attention=attention,
                )
    yield from each("linear", "head.fc", BIASED)


def fastvit(layers: tuple[int, ...], *, attention: bool, fused: bool) -> Iterator[Pair]:
    """`FastViT` with RepMixer stages, the last with attention (and a position encoding before it) if so asked."""
    for index, (scale, skip) in enumerate(((True, False), (True, False), (False, True))):
        yield from mobileone_block(f"patch_embed.{index}", f"stem.{index}", fused=fused, scale=scale, skip=skip)
    place = 0
    for stage, count in enumerate(layers):
        attentive = attention and stage == len(layers) - 1
        if attentive:
            yield from position_encoding(f"network.{place}", f"stages.{stage}.pos_emb", fused=fused)
            place += 1
        for block in range(count):
            names = (f"network.{place}.{block}", f"stages.{stage}.blocks.{block}")
            yield from attention_block(*names) if attentive else repmixer_block(*names, fused=fused)
        place += 1
        if stage < len(layers) - 1:
            yield from patch_embed(f"network.{place}", f"stages.{stage + 1}.downsample", fused=fused)
            place += 1
    yield from mobileone_block("conv_exp", "final_conv", fused=fused, scale=True, attention=("se", "fc1", "fc2"))
    yield from each("head", "head.fc", BIASED)


def patch_embed(apple: str, timm: str, *, fused: bool) -> Iterator[Pair]:
    if fused:
        yield from each(f"{apple}.proj.0.lkb_reparam", f"{timm}.proj.0.reparam_conv", BIASED)
    else:
        yield from conv_bn(f"{apple}.proj.0.lkb_origin", f"{timm}.proj.0.large_conv")
        yield from conv_bn(f"{apple}.proj.0.small_conv", f"{timm}.proj.0.small_conv")
    yield from mobileone_block(f"{apple}.proj.1", f"{timm}.proj.1", fused=fused, skip=True)


def position_encoding(apple: str, timm: str, *, fused: bool) -> Iterator[Pair]:
    if fused:
        yield from each(f"{apple}.reparam_conv", f"{timm}.reparam_conv", BIASED)
    else:
        yield from each(f"{apple}.pe", f"{timm}.pos_enc", BIASED)


def repmixer_block(apple: str, timm: str, *, fused: bool) -> Iterator[Pair]:
    mixer, timm_mixer = f"{apple}.token_mixer", f"{timm}.token_mixer"
    if fused:
        yield from each(f"{mixer}.reparam_conv", f"{timm_mixer}.reparam_conv", BIASED)
    else:
        yield f"{mixer}.layer_scale", f"{timm_mixer}.layer_scale.gamma"
        yield from mobileone_block(f"{mixer}.norm", f"{timm_mixer}.norm", fused=False, branches=0, skip=True)
        yield from mobileone_block(f"{mixer}.mixer", f"{timm_mixer}.mixer", fused=False, scale=True, skip=True)
    yield from feed_forward(f"{apple}.convffn", f"{timm}.mlp")
    yield f"{apple}.layer_scale", f"{timm}.layer_scale.gamma"


def attention_block(apple: str, timm: str) -> Iterator[Pair]:
    yield from each(f"{apple}.norm", f"{timm}.norm", NORM)
    yield from each(f"{apple}.token_mixer.qkv", f"{timm}.token_mixer.qkv", CONV)
    yield from each(f"{apple}.token_mixer.proj", f"{timm}.token_mixer.proj", BIASED)
    yield from feed_forward(f"{apple}.convffn", f"{timm}.mlp")
    yield f"{apple}.layer_scale_1", f"{timm}.layer_scale_1.gamma"
    yield f"{apple}.layer_scale_2", f"{timm}.layer_scale_2.gamma"


def feed_forward(apple: str, timm: str) -> Iterator[Pair]:
    yield from conv_bn(f"{apple}.conv", f"{timm}.conv")
    yield from each(f"{apple}.fc1", f"{timm}.fc1", BIASED)
    yield from each(f"{apple}.fc2", f"{timm}.fc2", BIASED)
