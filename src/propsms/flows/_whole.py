"""Acts that a cancellation must not leave half done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

__all__ = ["whole"]

_T = TypeVar("_T")


async def whole(
    work: Coroutine[Any, Any, _T], undo: Callable[[_T], Awaitable[None]] | None = None
) -> _T:
    """Do *work* to its end even if the caller is cancelled meanwhile.

    A store that is asked and not waited for may have done it or not. The cancellation is raised
    once the answer is known, and *undo* has seen it. A second one does not wait, and stops
    nothing.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.shield(asyncio.ensure_future(_after(task, undo)))
        raise


async def _after(task: asyncio.Future[_T], undo: Callable[[_T], Awaitable[None]] | None) -> None:
    await asyncio.wait({task})
    # An error of the work has undone itself; the caller gets the cancellation.
    if not task.cancelled() and task.exception() is None and undo is not None:
        await undo(task.result())
