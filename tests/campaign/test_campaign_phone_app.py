"""The harness app comes to a phone on a Mac's cable, where the phone does not have that very build; an app that the
phone would refuse is refused before it is sent."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from attached_phones import COMMIT, app, calls

from mobiledeploy.campaign import app_build, phone_app


@pytest.mark.parametrize(
    ("there", "built", "installs"),
    [
        (("0.1.0", "7.8"), {}, False),
        (("0.1.0", "7.7"), {}, True),
        (("0.0.9", "7.8"), {}, True),
        # of these builds devicectl cannot tell whether they are the same
        (("0.1.0", "1"), {"number": "1"}, True),
        (("0.1.0", "7.8"), {"commit": ""}, True),
        (("0.1.0", "7.8"), {"commit": f"{COMMIT}-dirty"}, True),
    ],
)
def test_the_app_is_installed_again_only_where_it_is_another_build(  # noqa: PLR0917
    bench, phone, tmp_path, there, built, installs
) -> None:
    root = phone(there)
    place = app(tmp_path, **built)
    done = bench("--app", place)
    assert done.code == 0, done.err
    assert ("device install app" in calls(root)) is installs
    assert ("has this build of the app, version 0.1.0 7.8" in done.err) is not installs


def test_without_option_the_app_is_taken_from_where_the_documented_command_leaves_it(
    bench, phone, tmp_path, monkeypatch
) -> None:
    root = phone()
    place = app(tmp_path / ".build/app/Build/Products/Release-iphoneos")
    assert app_build.built_app(tmp_path) == place
    assert app_build.built_app(tmp_path / "elsewhere") is None
    monkeypatch.setattr(phone_app, "built_app", lambda: app_build.built_app(tmp_path))
    done = bench()
    assert done.code == 0, done.err
    assert json.loads((root / "app.json").read_text())["bundleVersion"] == "7.8"


def test_where_none_is_built_the_app_on_the_phone_will_do(bench, phone) -> None:
    root = phone(("0.1.0", "1"))
    done = bench()
    assert done.code == 0, done.err
    assert "Zoe's iPhone has the app, version 0.1.0 1; no other is built here" in done.err
    assert "device install app" not in calls(root)


def test_where_there_is_no_app_the_command_that_builds_it_is_named(bench, phone) -> None:
    phone()
    done = bench()
    assert done.code == 5
    assert "error: the harness app is not on Zoe's iPhone, and none is built" in done.err
    assert app_build.build_command("00008101-1") in done.err
    assert "id=00008101-1" in app_build.build_command("00008101-1")


def test_the_command_is_the_documented_one() -> None:
    readme = (Path(__file__).parents[2] / "ios_harness" / "README.md").read_text()
    assert app_build.build_command().partition(" && ")[2] in readme
    assert str(app_build._BUILT) in readme


def test_the_command_is_for_the_checkout_where_there_is_one(tmp_path) -> None:
    project = tmp_path / "my checkout" / "ios_harness"
    assert app_build.build_command(project=project).startswith("cd ios_harness && xcodebuild ")
    project.mkdir(parents=True)
    assert app_build.build_command(project=project).startswith(f"cd '{project}' && xcodebuild ")


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"phones": ["00008101-2"]}, 5, "the app is not signed for Zoe's iPhone"),
        ({"phones": None}, 2, "HarnessApp.app is not signed"),
        ({"expires": datetime(2026, 1, 1)}, 2, "was signed with a profile that expired on 2026-01-01"),
        ({"bundle": "com.example.other"}, 2, "is another app, com.example.other"),
        ({"platform": "iPhoneSimulator"}, 2, "was built for the simulator"),
    ],
)
def test_an_app_that_the_phone_would_refuse_is_refused_here(  # noqa: PLR0917
    bench, phone, tmp_path, changes, code, message
) -> None:
    root = phone()
    place = app(tmp_path, **changes)
    done = bench("--app", place)
    assert (done.code, message in done.err) == (code, True), done.err
    assert app_build.build_command("00008101-1") in done.err
    assert "device install app" not in calls(root)


@pytest.mark.parametrize("content", [None, b"", b"bplist00\xff", b"<?xml"])
def test_what_is_no_app_is_refused(bench, phone, tmp_path, content) -> None:
    phone()
    place = tmp_path / "No.app"
    if content is not None:
        place.mkdir()
        (place / "Info.plist").write_bytes(content)
    done = bench("--app", place)
    assert done.code == 2
    assert f"error: {place} is no app: " in done.err


def test_an_app_is_put_on_phones_only(bench, tmp_path) -> None:
    for device in ("mac", "simulated", "lan"):
        done = bench("--app", tmp_path, device=device)
        assert (done.code, "--app is of a phone that devicectl knows" in done.err) == (2, True)
