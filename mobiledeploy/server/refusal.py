"""A request that is refused: status, code for programs, words for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mobiledeploy.records import Problem

if TYPE_CHECKING:
    from mobiledeploy.records.exchange import ProblemCode

__all__ = ["Refusal"]


class Refusal(Exception):  # noqa: N818 - it is the answer, not a failure of ours
    """Raised anywhere below a request; answered as `problem`. `retry_after`: seconds, for 429 and 503. `headers`: of
    the answer, beside those that every one has."""

    def __init__(
        self,
        status: int,
        code: ProblemCode,
        message: str,
        remedy: str,
        *,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.problem = Problem(status, code, message, remedy)
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["retry-after"] = str(retry_after)
