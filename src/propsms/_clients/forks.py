"""Tell living objects that the process was forked, so that they share nothing with the parent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakMethod

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["in_a_forked_child"]

_METHODS: Final[set[WeakMethod[Any]]] = set()


def in_a_forked_child(method: Callable[[], None]) -> None:
    """Call *method* in every process that is forked from this one while its object lives."""
    _METHODS.add(WeakMethod(method, _METHODS.discard))


def _call_all() -> None:
    for reference in list(_METHODS):
        if (method := reference()) is not None:
            method()


if hasattr(os, "register_at_fork"):  # Windows knows no fork
    os.register_at_fork(after_in_child=_call_all)
