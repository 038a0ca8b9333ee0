"""The QR code that pairs a phone, in the terminal."""

from __future__ import annotations

import io

from rich.text import Text

__all__ = ["code_text"]


def code_text(link: str, address: str, token: str, *, drawn: bool = True) -> Text:
    """The code of `link`, two modules per character, dark on light whatever the terminal's colours; below it what to
    type instead. `drawn`: False leaves the picture out, for what is no terminal."""
    typed = f"Scan this in the app, or type there: {address} and {token}"
    if not drawn:
        return Text(f"Pair a phone with {link}\nor type in the app: {address} and {token}")
    return Text.assemble((_blocks(link), "black on white"), f"\n{typed}")


def _blocks(link: str) -> str:
    import segno

    picture = io.StringIO()
    segno.make(link, error="m", micro=False).save(picture, kind="txt", border=2)
    rows = [[cell == "1" for cell in line] for line in picture.getvalue().splitlines()]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    halves = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join("".join(halves[cell] for cell in zip(above, below, strict=True)) for above, below in pairs)
