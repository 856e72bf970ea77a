"""What an exception of an HTTP library means: whether anything left, and what may be told of it.

An exception of these libraries holds the request, and with it numbers and secrets; none of
them goes further than this. What is chained is the error of the operating system beneath it,
without its stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from propsms._clients.effects import NotTaken
from propsms._clients.redact import scrub

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "BROKEN",
    "CLOSED",
    "MAX_BODY",
    "NEVER_STOOD",
    "TOO_LONG",
    "TOO_SLOW",
    "class_names",
    "failed",
    "named",
    "system_error",
]

MAX_BODY: Final = 1024 * 1024
"""A provider's reply is a few kilobytes; a batch of a thousand is below 200."""

CLOSED: Final = NotTaken("the HTTP client is closed", sent=False)
BROKEN: Final = NotTaken("the connection broke", sent=True)
TOO_LONG: Final = NotTaken(f"the reply is longer than {MAX_BODY} bytes", sent=True)
TOO_SLOW: Final = NotTaken("the whole exchange took too long", TimeoutError(), sent=True)
NEVER_STOOD: Final = NotTaken("no connection stood in time", TimeoutError(), sent=False)

_NEVER_LEFT: Final = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
)
# httpx-aiohttp calls a lost reply ConnectTimeout, so what lies beneath decides:
# its map sends aiohttp.ClientConnectionError, the parent of ServerDisconnectedError, there.
_NEVER_LEFT_AIOHTTP: Final = frozenset(
    {"ClientConnectorError", "ConnectionTimeoutError", "ServerFingerprintMismatch", "InvalidURL"}
)
_STANDARD: Final = frozenset({"builtins", "ssl", "socket"})


def failed(error: BaseException) -> NotTaken:
    """What came of an exchange that ended with *error*."""
    beneath = next((e for e in _chain(error) if type(e).__module__.startswith("aiohttp")), None)
    if beneath is not None:
        sent = not _NEVER_LEFT_AIOHTTP & class_names(beneath)
    else:
        sent = not _NEVER_LEFT & class_names(error)
    return NotTaken(named(error, str(error)), system_error(error), sent=sent)


def named(error: BaseException, text: str) -> str:
    """The name of *error* and its text, without address or number."""
    return f"{type(error).__name__}: {scrub(text)}" if text else type(error).__name__


def system_error(error: BaseException) -> BaseException | None:
    """A copy of the deepest error of Python itself: it holds no request and no stack."""
    found = [
        e for e in _chain(error) if type(e).__module__ in _STANDARD and isinstance(e, OSError)
    ]
    if not found:
        return TimeoutError() if "Timeout" in type(error).__name__ else None
    return type(found[-1])(*[a if isinstance(a, int) else scrub(str(a)) for a in found[-1].args])


def _chain(error: BaseException) -> Iterable[BaseException]:
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        current = current.__cause__ or current.__context__
    return seen


def class_names(thing: object) -> set[str]:
    """The names of all classes that *thing* is of."""
    return {base.__name__ for base in type(thing).__mro__}
