"""Files by the hash of their content, and what is half received."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from mobiledeploy.errors import HostError
from mobiledeploy.server.blobs import Blobs
from mobiledeploy.server.host import Host, HostOptions, open_place


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def files(blobs: Blobs) -> list[str]:
    return sorted(path.name for path in blobs.folder.rglob("*") if path.is_file())


def test_content_is_kept_once_under_its_hash(blobs, tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert [blobs.add(b"weights"), blobs.add_file(tmp_path / "file")] == [digest, (digest, 7)]
    assert blobs.find(digest).read_bytes() == b"weights"
    assert files(blobs) == [digest]


def test_what_is_not_kept_leaves_nothing(blobs) -> None:
    digest = hashlib.sha256(b"ab").hexdigest()
    with blobs.receive(digest) as incoming:
        incoming.write(b"a")
        assert not incoming.keep()

    def interrupted() -> None:
        with blobs.receive(digest) as incoming:
            incoming.write(b"ab")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert files(blobs) == []
    assert blobs.find(digest) is None


def test_two_that_receive_the_same_do_not_meet(blobs) -> None:
    digest = hashlib.sha256(b"ab").hexdigest()
    with blobs.receive(digest) as one, blobs.receive(digest) as other:
        one.write(b"a")
        other.write(b"ab")
        one.write(b"b")
        assert other.keep()
        assert one.keep()
    assert files(blobs) == [digest]


def test_a_file_that_changes_while_it_is_read_is_refused(blobs, tmp_path, monkeypatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def digest(source: io.BufferedReader, name: str):
        found = hashlib.sha256(source.read())
        path.write_bytes(b"after!")
        return found

    monkeypatch.setattr(hashlib, "file_digest", digest)
    with pytest.raises(HostError, match="changed while it was read"):
        blobs.add_file(path)
    assert files(blobs) == []


def test_a_host_that_starts_removes_what_a_killed_one_left(tmp_path) -> None:
    place = open_place(str(tmp_path / "results.db"))
    left = place.blobs.folder / "incoming" / "half"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    kept = place.blobs.add(b"whole")
    with Host(place, HostOptions(port=0)):
        assert files(place.blobs) == [kept, "identity"]


@pytest.mark.parametrize("digest", ["", "../x", "A" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n", "\u0660" * 64])
def test_only_a_hash_becomes_a_path(blobs, digest: str) -> None:
    with pytest.raises(ValueError, match="is no SHA-256"):
        blobs.find(digest)
    with pytest.raises(ValueError, match="is no SHA-256"):
        blobs.receive(digest)


def test_a_host_that_starts_leaves_alone_what_another_program_receives(blobs) -> None:
    """`bench` prepares its packages while another `bench` on the same store starts its host."""
    digest = hashlib.sha256(b"ab").hexdigest()
    left = blobs.folder / "incoming" / "of-a-killed-one"
    with blobs.receive(digest) as incoming:
        left.write_bytes(b"a")
        incoming.write(b"a")
        blobs.clear_incoming()
        incoming.write(b"b")
        assert incoming.keep()
    assert not left.exists()
    assert files(blobs) == [digest]


def test_a_file_that_is_removed_before_it_is_held_is_made_again(blobs, monkeypatch) -> None:
    """A host that starts in that very moment takes it for one that a killed program has left."""
    removed = []

    def late(stream) -> bool:
        if not removed:
            removed.append(Path(stream.name))
            Path(stream.name).unlink()
        return True

    monkeypatch.setattr("mobiledeploy.server.blobs.hold", late)
    digest = blobs.add(b"ab")
    assert removed != []
    assert blobs.find(digest).read_bytes() == b"ab"
