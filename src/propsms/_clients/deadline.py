"""One deadline over all steps of a blocking exchange, however slowly its bytes trickle.

A time-out of a socket bounds one read; a server that sends a byte now and then keeps a thread
for ever. So what is given as the time-out of a step is computed anew for each call on the
socket: what the step may take, or what is left of the whole if that is less.
"""

from __future__ import annotations

import math
import time

__all__ = ["Deadline"]


class Deadline:
    """The time-out of one step of an exchange that ends at a fixed instant.

    It is no float, since it shrinks. ``socket.settimeout`` takes whatever gives an index, so
    it serves a client of the host's as well, there in whole seconds, rounded up.
    """

    __slots__ = ("_end", "_step")

    def __init__(self, step: float, end: float) -> None:
        """Allow *step* seconds, and nothing after *end* on the monotonic clock."""
        self._step = step
        self._end = end

    def seconds(self) -> float:
        """The seconds from now on.

        Raises:
            TimeoutError: The exchange has taken as long as it may.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the whole exchange took too long")
        return min(self._step, left)

    __float__ = seconds

    def __index__(self) -> int:
        return math.ceil(self.seconds())
