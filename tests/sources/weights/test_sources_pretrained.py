"""Pretrained weights: from a cache that the test fills, from a hub that it plays, or from none, within five seconds."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from mobiledeploy.errors import CheckpointError, HostError, InputError
from mobiledeploy.sources import resolve
from mobiledeploy.sources.weights.pretrained import ANSWER_SECONDS, find_pretrained, sign_of_life

REPOSITORY = "timm/fastvit_t8.apple_in1k"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WITHIN = 5.0

# The same words however the hub fails, and on every machine: they end in the manifest.
NOT_FETCHED = f"{REPOSITORY} is not in the local cache and could not be fetched"


def trained_state(name: str = "fastvit_t8") -> dict[str, torch.Tensor]:
    return resolve(name, weights="random", seed=3).module.state_dict()


def fill_cache(repository: str, file: str, write) -> Path:
    """A file in the local cache, laid out as huggingface_hub does (its guide "Understand caching")."""
    folder = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    snapshot = folder / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    write(snapshot / file)
    return snapshot / file


@pytest.mark.parametrize("weights", ["auto", "pretrained"])
def test_the_local_cache_comes_first_and_needs_no_network(weights, ear) -> None:
    state = trained_state()
    fill_cache(REPOSITORY, "model.safetensors", lambda path: save_file(state, path))
    source = resolve("fastvit_t8", weights=weights, progress=ear)
    record = source.record.weights
    assert (record.kind, record.origin, record.seed, record.fallback) == ("pretrained", REPOSITORY, None, None)
    assert all(torch.equal(value, state[name]) for name, value in source.module.state_dict().items())
    assert ear.warnings == []


def test_a_pickle_in_the_cache_is_read_where_there_is_nothing_safer() -> None:
    state = trained_state()
    fill_cache(REPOSITORY, "pytorch_model.bin", lambda path: torch.save(state, path))
    source = resolve("fastvit_t8", weights="pretrained")
    assert all(torch.equal(value, state[name]) for name, value in source.module.state_dict().items())


def test_the_tag_chooses_the_weights() -> None:
    state = trained_state()
    tagged = "timm/fastvit_t8.apple_dist_in1k"
    fill_cache(tagged, "model.safetensors", lambda path: save_file(state, path))
    source = resolve("fastvit_t8.apple_dist_in1k", weights="pretrained")
    assert source.record.weights.origin == tagged
    assert source.record.name == "fastvit_t8_apple_dist_in1k"
    with pytest.raises(HostError):
        resolve("fastvit_t8", weights="pretrained")


def test_a_damaged_file_in_the_cache_is_named() -> None:
    path = fill_cache(REPOSITORY, "model.safetensors", lambda path: path.write_bytes(b"\x05"))
    with pytest.raises(CheckpointError, match="cached pretrained weights of fastvit_t8 cannot be loaded") as caught:
        resolve("fastvit_t8")
    assert caught.value.where == str(path)


def test_offline_auto_goes_on_with_random_weights_and_says_so(ear) -> None:
    source = resolve("fastvit_t8", progress=ear)
    record = source.record.weights
    assert (record.kind, record.seed, record.fallback) == ("random", 0, NOT_FETCHED)
    (warning,) = ear.warnings
    assert warning.startswith(f"RANDOM WEIGHTS: HF_HUB_OFFLINE is set and the local cache does not hold {REPOSITORY}. ")
    assert "Latency" in warning
    assert "--weights FILE" in warning
    assert record.sha256 == resolve("fastvit_t8", weights="random").record.weights.sha256


def test_random_weights_that_were_asked_for_need_no_warning(ear) -> None:
    record = resolve("fastvit_t8", weights="random", progress=ear).record.weights
    assert (record.kind, record.fallback, ear.warnings) == ("random", None, [])


def test_offline_pretrained_is_an_error_of_the_network() -> None:
    with pytest.raises(HostError, match="HF_HUB_OFFLINE is set") as caught:
        resolve("fastvit_t8", weights="pretrained")
    assert caught.value.exit_code == 5
    assert caught.value.remedy


def test_an_architecture_without_pretrained_weights(ear) -> None:
    with pytest.raises(InputError, match=r"^timm has no pretrained weights of mixer_s32_224") as caught:
        resolve("mixer_s32_224", weights="pretrained")
    assert caught.value.exit_code == 2
    record = resolve("mixer_s32_224", progress=ear).record.weights
    assert (record.kind, record.fallback) == ("random", "timm has no pretrained weights of mixer_s32_224")
    assert len(ear.warnings) == 1


@contextlib.contextmanager
def silent_server() -> Iterator[str]:
    """Takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    kept.append(server.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        for connection in kept:
            connection.close()


@contextlib.contextmanager
def trickling_server() -> Iterator[str]:
    """Sends a header a byte at a time: no single read ever times out."""
    with silent_server_with(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000) as url:
        yield url


@contextlib.contextmanager
def silent_server_with(drops: bytes) -> Iterator[str]:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            with contextlib.suppress(OSError), server.accept()[0] as connection:
                for drop in drops:
                    connection.sendall(bytes([drop]))
                    if stop.wait(0.2):
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        stop.set()
        thread.join()


@contextlib.contextmanager
def closed_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def failing_server() -> Iterator[str]:
    with answering_server(lambda _path: (503, b"")) as url:
        yield url


@contextlib.contextmanager
def answering_server(answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = answer(self.path)
            self.send_response(status)
            if status == 404:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", '"abc"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def half_dead_server() -> Iterator[str]:
    """Its front page answers, its files do not."""
    stop = threading.Event()

    def answer(path: str) -> tuple[int, bytes]:
        if path != "/":
            stop.wait(30)
        return 200, b""

    with answering_server(answer) as url:
        yield url
        stop.set()


def go_online(hub: pytest.MonkeyPatch, url: str) -> None:
    hub.setenv("HF_HUB_OFFLINE", "0")
    hub.setattr(constants, "HF_HUB_OFFLINE", False)
    hub.setenv("HF_ENDPOINT", url)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        hub.delenv(name, raising=False)


UNREACHABLE = [
    (closed_port, "Connection refused"),
    (silent_server, "no answer"),
    (trickling_server, "no answer within 3.5 seconds"),
    (failing_server, "the server answers 503"),
    (half_dead_server, "no answer"),
]


@pytest.mark.parametrize(("server", "reason"), UNREACHABLE, ids=[server.__name__ for server, _ in UNREACHABLE])
def test_an_unreachable_hub_is_noticed_within_five_seconds(server, reason, hub, ear) -> None:
    resolve("fastvit_t8", weights="random")  # the import of timm is not the hub's fault
    with server() as url:
        go_online(hub, url)
        started = time.monotonic()
        record = resolve("fastvit_t8", progress=ear).record.weights
        seconds = time.monotonic() - started
    assert seconds < WITHIN
    assert (record.kind, record.fallback) == ("random", NOT_FETCHED)
    (warning,) = ear.warnings
    assert warning.startswith(f"RANDOM WEIGHTS: {url} cannot be reached: ")
    assert reason in warning


def test_an_unreachable_hub_is_an_error_of_the_network_where_pretrained_is_strict(hub) -> None:
    with closed_port() as url:
        go_online(hub, url)
        with pytest.raises(HostError, match=f"^{url} cannot be reached: .*Connection refused") as caught:
            resolve("fastvit_t8", weights="pretrained")
    assert caught.value.exit_code == 5


def test_a_name_that_resolves_to_nothing_is_noticed() -> None:
    started = time.monotonic()
    assert sign_of_life("http://hub.invalid/") is not None
    assert time.monotonic() - started < WITHIN


def test_a_certificate_that_is_not_ours_to_judge_is_an_answer(monkeypatch) -> None:
    """Python from python.org has no certificates on a Mac; the hub's client has."""

    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError(ssl.SSLCertVerificationError("unable to get local issuer certificate"))

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    assert sign_of_life("https://example.org/") is None


@pytest.mark.parametrize("url", ["", "no address", "http://"])
def test_an_address_that_is_none_is_no_answer(url) -> None:
    assert sign_of_life(url)


def test_the_probe_leaves_room_for_the_rest_of_five_seconds() -> None:
    assert ANSWER_SECONDS < WITHIN - 1


def test_weights_come_from_a_hub_that_answers(hub, tmp_path) -> None:
    state = trained_state()
    save_file(state, tmp_path / "model.safetensors")
    body = (tmp_path / "model.safetensors").read_bytes()

    def answer(path: str) -> tuple[int, bytes]:
        return (200, body) if path == f"/{REPOSITORY}/resolve/main/model.safetensors" else (404, b"")

    with answering_server(answer) as url:
        go_online(hub, url)
        hub.setattr(constants, "HF_HUB_DISABLE_XET", True)
        source = resolve("fastvit_t8", weights="pretrained")
    assert source.record.weights.origin == REPOSITORY
    assert all(torch.equal(value, state[name]) for name, value in source.module.state_dict().items())
    hub.setenv("HF_HUB_OFFLINE", "1")
    again = resolve("fastvit_t8", weights="pretrained")
    assert again.record.weights == source.record.weights, "the second time from the cache"


def test_a_repository_without_the_file_is_named(hub) -> None:
    with answering_server(lambda path: (404, b"")) as url:
        go_online(hub, url)
        with pytest.raises(HostError, match=r"it has none of model\.safetensors, pytorch_model\.bin"):
            resolve("fastvit_t8", weights="pretrained")


def test_weights_that_are_only_at_an_address_come_from_there(hub, tmp_path) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "w.pth")
    body = (tmp_path / "w.pth").read_bytes()
    with answering_server(lambda path: (200, body)) as url:
        go_online(hub, url)
        cfg = {"url": f"{url}/release/w.pth", "hf_hub_id": None, "custom_load": False}
        found = find_pretrained("net", cfg)
    assert found.path.read_bytes() == body
    assert found.origin == f"{url}/release/w.pth"
    assert find_pretrained("net", cfg) == found, "the second time from the cache"


def test_the_cache_of_torch_hub_counts(hub, tmp_path) -> None:
    from torch import hub as torch_hub

    place = Path(torch_hub.get_dir()) / "checkpoints" / "w.npz"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"1")
    cfg = {"url": "https://example.org/w.npz", "hf_hub_id": "timm/none", "custom_load": True}
    found = find_pretrained("net", cfg)
    assert (found.path, found.custom_load) == (place, True)
