"""The stages of dunning, in their order."""

from __future__ import annotations

from typing import Final

from propsms._checks import Word

__all__ = ["Stage"]


class Stage(Word):
    """How firm a notice may be; ordered, ``none < upcoming < reminder < overdue < final``.

    >>> Stage.UPCOMING < Stage.FINAL, max(Stage.NONE, Stage.REMINDER)
    (True, <Stage.REMINDER: 'reminder'>)
    """

    NONE = "none"
    UPCOMING = "upcoming"
    REMINDER = "reminder"
    OVERDUE = "overdue"
    FINAL = "final"

    @property
    def rank(self) -> int:
        """0 for none up to 4 for final."""
        return _RANKS[self._value_]

    def __lt__(self, other: str) -> bool:
        return self.rank < Stage(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= Stage(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > Stage(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= Stage(other).rank


_RANKS: Final = {stage.value: rank for rank, stage in enumerate(Stage)}
