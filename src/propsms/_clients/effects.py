"""What the core asks of whoever drives it: an exchange, a pause, or a host's answer.

The core is a generator that yields these and is sent the results, so that the synchronous and
the asynchronous client share every decision and differ in the awaiting alone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

if TYPE_CHECKING:
    from propsms.providers import Provider
    from propsms.wire import HttpRequest

__all__ = ["Ask", "Effect", "Exchange", "NotTaken", "Pause", "Steps"]

T = TypeVar("T")


@attrs.define
class Exchange:
    """Move *request* and bring the `HttpResponse`, or `NotTaken`.

    Attributes:
        left: Set by the transport as soon as a byte of the request may have left.
    """

    provider: Provider
    request: HttpRequest
    left: bool = False


@attrs.frozen
class NotTaken:
    """No reply came.

    Attributes:
        sent: False only if it is certain that nothing left.
        cause: What happened, fit for a log.
        error: An exception without request, URL or stack, to chain from.
    """

    cause: str
    error: BaseException | None = None
    sent: bool = attrs.field(kw_only=True)


@attrs.frozen
class Pause:
    """Wait for some seconds."""

    seconds: float


@attrs.define
class Ask:
    """Call something of the host and bring its value.

    Attributes:
        call: What to call; may block, or give an awaitable.
        of: The host's own function in it, which tells whether it is to be awaited.
        late: What it brought although nobody waited for it to the end: what a store counted
            for a send that was cancelled meanwhile.
    """

    call: Callable[[], Any]
    of: Callable[..., Any]
    late: object = None


Effect = Exchange | Pause | Ask
Steps = Generator[Effect, Any, T]
"""A part of the core that ends with a value."""
