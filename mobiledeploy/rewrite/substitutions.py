"""The approximations that a user may ask for: `hardswish=gelu` and the like, and why one would."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from mobiledeploy.errors import InputError
from mobiledeploy.rewrite.activations import ACTIVATIONS

__all__ = ["Substitution", "substitutions"]

_WHERE = "--substitute"
_ALIASES = {
    "swish": "silu",
    "hard_swish": "hardswish",
    "h_swish": "hardswish",
    "hard_sigmoid": "hardsigmoid",
    "h_sigmoid": "hardsigmoid",
    "quick_gelu": "gelu_sigmoid",
    "quickgelu": "gelu_sigmoid",
    "sigmoid_gelu": "gelu_sigmoid",
    "tanh_gelu": "gelu_tanh",
    "gelu_erf": "gelu",
    "logsigmoid": "log_sigmoid",
}

_MOBILENET_V3 = "Howard et al. 2019, arXiv:1905.02244, section 5.2"
_GELU = "Hendrycks and Gimpel 2016, arXiv:1606.08415, section 2"
_REASONS = {
    ("hardswish", "gelu"): "Core ML has GELU as one operator and HardSwish as two; the benchmark protocol of FastViT "
    "(Vasu et al. 2023, arXiv:2303.14189)",
    ("gelu", "gelu_tanh"): f"tanh in the place of erf; the authors' own approximation ({_GELU})",
    ("gelu", "gelu_sigmoid"): f"one sigmoid in the place of erf; the authors' own approximation ({_GELU})",
    ("gelu_tanh", "gelu_sigmoid"): f"one sigmoid in the place of tanh and a cube ({_GELU})",
    ("silu", "hardswish"): f"piecewise polynomial, without an exponential ({_MOBILENET_V3})",
    ("sigmoid", "hardsigmoid"): f"piecewise linear, without an exponential ({_MOBILENET_V3})",
    ("hardswish", "silu"): f"Core ML has SiLU as one operator and HardSwish, its approximation, as two "
    f"({_MOBILENET_V3})",
    ("mish", "silu"): "Core ML has SiLU as one operator and Mish as three",
}
_UNKNOWN_REASON = "asked for; nobody is known to recommend it"


@dataclass(frozen=True)
class Substitution:
    """`source` becomes `target`; `reason`: to do so, with whose it is."""

    source: str
    target: str
    reason: str

    @property
    def name(self) -> str:
        return f"{self.source}={self.target}"


def substitutions(requests: Sequence[str]) -> tuple[Substitution, ...]:
    """The requests, each `from=to`, in their order.

    Raises InputError for another form, for names that no activation has (with the near ones), and for requests that
    contradict each other: one activation replaced twice, or replaced and put in.
    """
    found: dict[str, Substitution] = {}
    for request in requests:
        source, equals, target = (part.strip() for part in request.partition("="))
        if not equals or not source or not target:
            raise InputError(
                f"`{request}` is no substitution", where=_WHERE, remedy="Write it as in hardswish=gelu: FROM=TO."
            )
        made = _substitution(source, target)
        if made.source in found and found[made.source] != made:
            raise InputError(f"`{made.source}` is replaced twice", where=_WHERE, remedy="Give one TO for each FROM.")
        found[made.source] = made
    put_in = next((made.target for made in found.values() if made.target in found), None)
    if put_in is not None:
        raise InputError(
            f"`{put_in}` is both replaced and put in", where=_WHERE, remedy="Say directly what becomes of each."
        )
    return tuple(found.values())


def _substitution(source: str, target: str) -> Substitution:
    before, after = _known(source), _known(target)
    if before == after:
        raise InputError(f"`{source}={target}` changes nothing", where=_WHERE, remedy="Leave it out.")
    return Substitution(before, after, _REASONS.get((before, after), _UNKNOWN_REASON))


def _known(name: str) -> str:
    plain = name.lower().replace("-", "_")
    plain = _ALIASES.get(plain, plain)
    names = [known.name for known in ACTIVATIONS]
    if plain in names:
        return plain
    near = difflib.get_close_matches(plain, [*names, *_ALIASES], n=3, cutoff=0.6)
    offer = f"Near: {', '.join(near)}. " if near else ""
    raise InputError(
        f"no activation is called `{name}`", where=_WHERE, remedy=f"{offer}Activations: {', '.join(names)}."
    )
