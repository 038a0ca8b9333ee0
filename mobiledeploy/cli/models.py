"""`mobiledeploy models`: the names that can be exported."""

from typing import TYPE_CHECKING, Annotated

import typer

from mobiledeploy.cli.options import JsonFlag
from mobiledeploy.errors import UnknownModelError

if TYPE_CHECKING:
    from mobiledeploy.cli.screen import Screen

__all__ = ["models"]


def models(
    context: typer.Context,
    pattern: Annotated[
        str | None,
        typer.Argument(
            metavar="PATTERN",
            help="Part of the name, or 'fastvit_s*'; without it FastViT, MobileViT and Mixer; '*' for all.",
        ),
    ] = None,
    _json: JsonFlag = False,
) -> None:
    """List the zoo names that match PATTERN, one per line."""
    screen: Screen = context.obj
    with screen.working() as progress:
        progress.step("Loading libraries")
        from mobiledeploy.sources import list_models

        names = list_models(_glob(pattern))
    if not names:
        raise UnknownModelError(
            f"no model of the zoo matches `{pattern}`",
            where="PATTERN",
            remedy="Try a shorter one with stars, as in '*vit*'; '*' lists all names.",
        )
    screen.lines(names, document={"models": list(names)})


def _glob(pattern: str | None) -> str | None:
    """A word without any wildcard matches anywhere in a name."""
    return pattern if pattern is None or any(mark in pattern for mark in "*?[") else f"*{pattern}*"
