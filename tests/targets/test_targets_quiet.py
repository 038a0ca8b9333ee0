"""A converter is kept off the screen and out of the garbage collector, and everything is as before afterwards."""

from __future__ import annotations

import gc
import logging
import sys
import warnings

import pytest

from mobiledeploy.targets.collection import collection_paused
from mobiledeploy.targets.quiet import silenced


def test_nothing_is_printed_logged_or_warned(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("talkative.converter")
    with silenced("talkative") as messages:
        print("printed")
        print("error", file=sys.stderr)
        warnings.warn("warned", stacklevel=1)
        logger.warning("logged\n  on two lines")
        logger.info("of no interest")
    assert capsys.readouterr() == ("", "")
    assert caplog.records == []
    assert list(messages) == ["logged on two lines"]


def test_only_the_last_messages_are_kept() -> None:
    with silenced("talkative", keep=2) as messages:
        for number in range(5):
            logging.getLogger("talkative").error("message %d", number)
    assert list(messages) == ["message 3", "message 4"]


def test_loggers_are_as_before_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("talkative")
    before = (logger.propagate, list(logger.handlers))
    with pytest.raises(ValueError, match="no"), silenced("talkative"):
        raise ValueError("no")
    assert (logger.propagate, list(logger.handlers)) == before
    logger.warning("heard")
    assert caplog.messages == ["heard"]


def test_collection_rests_and_comes_back() -> None:
    gc.unfreeze()  # other tests of this process may have frozen what they made
    gc.collect()
    with collection_paused():
        assert not gc.isenabled()
        assert gc.get_freeze_count() > 0
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with collection_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_the_caller_froze_stays_frozen() -> None:
    gc.freeze()
    frozen = gc.get_freeze_count()
    try:
        with collection_paused():
            pass
        assert gc.get_freeze_count() >= frozen
    finally:
        gc.unfreeze()
