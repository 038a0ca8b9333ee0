"""The entries of the official T2T-ViT checkpoints, written down by hand: names and shapes at 224x224.

From github.com/yitu-opensource/T2T-ViT: models/t2t_vit.py, token_performer.py, token_transformer.py,
transformer_block.py.
"""

from __future__ import annotations

__all__ = ["official_shapes"]

TOKEN = 64
SPLITS = {"attention1": 3 * 7 * 7, "attention2": TOKEN * 3 * 3}


def official_shapes(*, performer: bool, width: int, depth: int, ratio: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"cls_token": (1, 1, width), "pos_embed": (1, 197, width)}
    for name, wide in SPLITS.items():
        token = _performer(wide) if performer else _transformer(wide)
        shapes |= {f"tokens_to_token.{name}.{key}": shape for key, shape in token.items()}
    shapes |= _linear("tokens_to_token.project", SPLITS["attention2"], width)
    for index in range(depth):
        block = f"blocks.{index}"
        shapes |= _norm(f"{block}.norm1", width) | _norm(f"{block}.norm2", width)
        shapes |= {f"{block}.attn.qkv.weight": (3 * width, width)} | _linear(f"{block}.attn.proj", width, width)
        shapes |= _linear(f"{block}.mlp.fc1", width, ratio * width) | _linear(f"{block}.mlp.fc2", ratio * width, width)
    return shapes | _norm("norm", width) | _linear("head", width, 1000)


def _performer(wide: int) -> dict[str, tuple[int, ...]]:
    return {
        "w": (32, TOKEN),
        **_linear("kqv", wide, 192),
        **_linear("proj", TOKEN, TOKEN),
        **_norm("norm1", wide),
        **_norm("norm2", TOKEN),
        **_linear("mlp.0", TOKEN, TOKEN),
        **_linear("mlp.2", TOKEN, TOKEN),
    }


def _transformer(wide: int) -> dict[str, tuple[int, ...]]:
    return {
        "attn.qkv.weight": (192, wide),
        **_linear("attn.proj", TOKEN, TOKEN),
        **_norm("norm1", wide),
        **_norm("norm2", TOKEN),
        **_linear("mlp.fc1", TOKEN, TOKEN),
        **_linear("mlp.fc2", TOKEN, TOKEN),
    }


def _linear(name: str, wide: int, out: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, wide), f"{name}.bias": (out,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
