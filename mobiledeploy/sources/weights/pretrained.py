"""Where timm's pretrained weights are: the local cache first, then the hub, and no waiting for a hub that is silent.

The order, for the one place that a `pretrained_cfg` names (timm/models/_builder.py, `_resolve_pretrained_source`):
the Hugging Face cache, torch.hub's cache, then, unless HF_HUB_OFFLINE forbids it, the network. The hub is asked for a
sign of life first, because huggingface_hub itself retries for minutes.
"""

from __future__ import annotations

import os
import queue
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobiledeploy.errors import HostError, InputError

__all__ = ["ANSWER_SECONDS", "PretrainedFile", "find_pretrained", "sign_of_life"]

# The design allows five seconds in total to notice that nobody answers; the rest is for imports and looking around.
ANSWER_SECONDS = 3.5

# The names timm saves under, the safe one first (timm/models/_hub.py).
HUB_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class PretrainedFile:
    """A file in a local cache. `origin`: the hub's identifier or the address it came from. `custom_load`: timm reads
    it with the architecture's own loader (JAX archives)."""

    path: Path
    origin: str
    custom_load: bool = False


def find_pretrained(name: str, cfg: Mapping[str, Any]) -> PretrainedFile:
    """The file with the pretrained weights of `name`, fetched if need be.

    Raises InputError where none exist, HostError where they cannot be fetched.
    """
    if not (cfg.get("hf_hub_id") or cfg.get("url")):
        raise InputError(
            f"timm has no pretrained weights of {name}",
            where="--weights pretrained",
            remedy="Use --weights random, or a file.",
        )
    return _cached(cfg) or _fetched(cfg)


def _hub_id(cfg: Mapping[str, Any]) -> tuple[str, str | None]:
    """Repository and revision of `owner/name@revision`."""
    repository, _, revision = str(cfg["hf_hub_id"]).partition("@")
    return repository, revision or None


def _file_names(cfg: Mapping[str, Any]) -> tuple[str, ...]:
    named = cfg.get("hf_hub_filename")
    return (str(named),) if named else HUB_FILES


def _cached(cfg: Mapping[str, Any]) -> PretrainedFile | None:
    if cfg.get("hf_hub_id"):
        from huggingface_hub import try_to_load_from_cache

        repository, revision = _hub_id(cfg)
        for file in _file_names(cfg):
            path = try_to_load_from_cache(repository, file, revision=revision)
            if isinstance(path, str):
                return PretrainedFile(Path(path), str(cfg["hf_hub_id"]))
    if cfg.get("url"):
        path = _download_place(str(cfg["url"]))
        if path.is_file():
            return PretrainedFile(path, str(cfg["url"]), bool(cfg.get("custom_load")))
    return None


def _download_place(url: str) -> Path:
    from torch import hub

    return Path(hub.get_dir()) / "checkpoints" / Path(urllib.parse.urlparse(url).path).name


def _fetched(cfg: Mapping[str, Any]) -> PretrainedFile:
    """From the network. Raises HostError."""
    if cfg.get("hf_hub_id"):
        return _from_hub(cfg)
    url = str(cfg["url"])
    _refuse_offline(url)
    _require_answer(url)
    from torch import hub

    place = _download_place(url)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        hub.download_url_to_file(url, str(place), progress=False)
    except (OSError, RuntimeError) as error:
        raise _unreachable(url, _one_line(error)) from error
    return PretrainedFile(place, url, bool(cfg.get("custom_load")))


def _from_hub(cfg: Mapping[str, Any]) -> PretrainedFile:
    from huggingface_hub import constants, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError

    repository, revision = _hub_id(cfg)
    endpoint = os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
    _refuse_offline(repository)
    first = _file_names(cfg)[0]
    _require_answer(hf_hub_url(repository, first, revision=revision, endpoint=endpoint), name=endpoint)
    reason = f"it has none of {', '.join(_file_names(cfg))}"
    for file in _file_names(cfg):
        try:
            path = hf_hub_download(repository, file, revision=revision, endpoint=endpoint, etag_timeout=ANSWER_SECONDS)
        except EntryNotFoundError:
            continue
        # the hub's client leaks whatever its HTTP library raises
        except Exception as error:
            raise _unreachable(f"{endpoint}/{repository}", _one_line(error)) from error
        return PretrainedFile(Path(path), str(cfg["hf_hub_id"]))
    raise _unreachable(f"{endpoint}/{repository}", reason)


def _refuse_offline(place: str) -> None:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise HostError(
            f"HF_HUB_OFFLINE is set and the local cache does not hold {place}",
            where=place,
            remedy="Unset HF_HUB_OFFLINE once, or give a file with --weights.",
        )


def _require_answer(url: str, *, name: str | None = None) -> None:
    reason = sign_of_life(url)
    if reason is not None:
        raise _unreachable(name or url, reason)


def _unreachable(url: str, reason: str) -> HostError:
    return HostError(
        f"{url} cannot be reached: {reason}",
        where=url,
        remedy="Check the network (HTTPS_PROXY, HF_ENDPOINT), or use --weights random or a file.",
    )


def sign_of_life(url: str, seconds: float = ANSWER_SECONDS) -> str | None:
    """None if a web server answers at `url` within `seconds`, whatever it says short of a server error; else why not.

    The whole exchange is under one clock (name lookup, connecting, TLS, answer), which socket timeouts alone are not:
    so it runs in a thread that is left behind when the time is over.
    """
    answers: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=lambda: answers.put(_ask(url, seconds)), daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return f"no answer within {seconds:g} seconds"


def _ask(url: str, seconds: float) -> str | None:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=seconds):
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return None if error.code < 500 else f"the server answers {error.code}"
    except (OSError, ValueError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        # somebody is there; whose certificates count is for the hub's client to say, which brings its own
        if isinstance(cause, ssl.SSLError):
            return None
        return "no answer" if isinstance(cause, TimeoutError) else _one_line(cause)


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
