"""Keeps a talkative library off the screen, and its last words for the error message.

coremltools and torch.onnx draw progress bars, log and warn about their own internals; what matters to the user comes
back as an exception.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections import deque
from collections.abc import Iterator

__all__ = ["silenced"]


class _Last(logging.Handler):
    """Keeps the last messages of level WARNING and above."""

    def __init__(self, messages: deque[str]) -> None:
        super().__init__(logging.WARNING)
        self.messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(" ".join(record.getMessage().split()))


@contextlib.contextmanager
def silenced(*loggers: str, keep: int = 20) -> Iterator[deque[str]]:
    """Until the end, nothing that Python code prints, warns or logs under `loggers` reaches the screen.

    Yields the last `keep` log messages of level WARNING and above, filled as they come.
    """
    messages: deque[str] = deque(maxlen=keep)
    handler = _Last(messages)
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        for name in loggers:
            stack.enter_context(_handled_by(logging.getLogger(name), handler))
        yield messages


@contextlib.contextmanager
def _handled_by(logger: logging.Logger, handler: logging.Handler) -> Iterator[None]:
    propagate, others = logger.propagate, logger.handlers
    logger.propagate, logger.handlers = False, [handler]
    try:
        yield
    finally:
        logger.propagate, logger.handlers = propagate, others
