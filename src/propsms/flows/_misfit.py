"""Which value keeps a text from being filled, so that somebody can mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from propsms.errors import RenderError

__all__ = ["DOES_NOT_FIT", "TO_MEND", "Misfit", "misfit_rows", "with_misfits"]

DOES_NOT_FIT: Final = "DOES_NOT_FIT"
"""Held back because a value is missing or out of its bounds."""
TO_MEND: Final = 20
"""How many of them a page shows."""


@attrs.frozen
class Misfit:
    """A value that does not fit the text; the messages show numbers masked.

    Attributes:
        account: Whose notice it is; in a campaign the household, or the masked number.
        variable: The name of the value.
        message: What it is and what it must be, in English.
        message_zh: The same in Chinese.
    """

    account: str
    variable: str
    message: str
    message_zh: str

    @classmethod
    def of(cls, account: str, error: RenderError) -> Misfit:
        """What rendering the text of the account said."""
        return cls(account, error.variable, error.message, error.message_zh)

    @property
    def said(self) -> str:
        """The same in both languages."""
        return f"{self.message_zh} {self.message}"


def with_misfits(
    held_back: Iterable[tuple[str, str]], misfits: Iterable[Misfit]
) -> Iterator[tuple[str, str, Misfit | None]]:
    """Each account that is held back, why, and the value at fault; both come by account."""
    faults = iter(misfits)
    for account, why in held_back:
        yield account, why, next(faults, None) if why == DOES_NOT_FIT else None


def misfit_rows(
    misfits: Sequence[Misfit],
) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """The first of them as a table of a page: headings and rows."""
    rows: list[tuple[object, ...]] = [
        (one.account, one.variable, one.said) for one in misfits[:TO_MEND]
    ]
    return ("户 account", "变量 variable", "说明 what"), rows
