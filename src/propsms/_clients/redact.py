"""Keep numbers and secrets out of the log records of the HTTP libraries.

Some send calls carry numbers in the URL, which httpx logs at INFO, and httpcore logs the
headers of replies at DEBUG. A filter rewrites such records while a request of ours is out, in
that thread or task alone; the host's own requests are logged as before.
"""

from __future__ import annotations

import logging
import re
from contextvars import ContextVar
from functools import cache
from typing import Final

from propsms.phone import mask_numbers

__all__ = ["install", "ours", "scrub"]

_OURS: ContextVar[bool] = ContextVar("propsms_request_is_out", default=False)
_LOGGERS: Final = (
    *("httpx", "httpx2", "aiohttp.client", "aiohttp.internal"),
    *(f"{core}.{part}" for core in ("httpcore", "httpcore2")
      for part in ("connection", "http11", "http2", "proxy", "socks")),
    *("hpack.hpack", "hpack.table"),
)  # fmt: skip
_URL: Final = re.compile(r"(https?://[^\s/?#\"']+)([^\s\"'>]*)")
_VALUE: Final = re.compile(r" (return_value|exception|request)=.*", re.DOTALL)


class _Redaction(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if _OURS.get():
            # A client with http2=True logs each header as it is packed, keys among them.
            packed = record.name.startswith("hpack.")
            record.msg = "a header of a request" if packed else scrub(record.getMessage())
            record.args = None
            record.exc_info = None
            record.exc_text = None
        return True


def scrub(text: str) -> str:
    """Cut the path and query of every URL, what httpcore shows of replies, and hide numbers."""
    return mask_numbers(_URL.sub(r"\1/...", _VALUE.sub("", text)))


@cache
def install() -> None:
    """Set the filter on the loggers of the HTTP libraries, once per process."""
    redaction = _Redaction()
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(redaction)


class ours:  # noqa: N801 - used like a function; a generator would cost three times as much
    """Mark this thread or task: a request of ours is out."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = _OURS.set(True)

    def __exit__(self, *_: object) -> None:
        _OURS.reset(self._token)
