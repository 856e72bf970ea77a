"""What a provider's codes mean, read from one data file per provider.

A file groups codes by what they mean and names the source of each group; one may ``include``
the receipt codes of the carriers, which all gateways pass on. A code that no table knows has no
meaning here, and the outcome is then unknown.
"""

from __future__ import annotations

import pkgutil
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import attrs

from propsms.messages import DeliveryStatus, RefusalReason, Retry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_M = TypeVar("_M")

__all__ = ["CodeTable", "FrequencyRule", "ReceiptMeaning", "RefusalMeaning", "load_codes"]


@attrs.frozen
class RefusalMeaning:
    """What a code in a reply means.

    Attributes:
        reason: The neutral reason.
        retry: When to try again, or None if the message may have been taken all the same.
        retry_after: How long the provider's documents say to wait, or None.
        source: Where the meaning is written.
    """

    reason: RefusalReason
    retry: Retry | None
    retry_after: timedelta | None = None
    source: str = ""

    @property
    def ambiguous(self) -> bool:
        """True if the message may have been accepted in spite of the code."""
        return self.retry is None


@attrs.frozen
class ReceiptMeaning:
    """What a code in a delivery receipt means."""

    status: DeliveryStatus
    reason: RefusalReason | None = None
    source: str = ""


_NOTHING: Mapping[str, ReceiptMeaning] = {}


@attrs.frozen
class FrequencyRule:
    """A provider's cap on messages to one number.

    Attributes:
        kinds: The kinds of message it counts, such as ``otp``; empty counts all.
        per: What is counted together beside the number: ``signature``, ``template``, ``content``.
        limit: Messages allowed in the window.
        window: A rolling window, or None for a natural day in Shanghai.
        adjustable: True if the account can change it in the provider's console.
        whole_provider: True if messages of all customers count, so that ours alone do not tell.
        source: Where the figure is written.
    """

    kinds: frozenset[str]
    per: tuple[Literal["signature", "template", "content"], ...]
    limit: int
    window: timedelta | None
    adjustable: bool = False
    whole_provider: bool = False
    source: str = ""


@attrs.frozen
class CodeTable:
    """All that one data file says.

    Attributes:
        accepted: The codes of acceptance.
        refusals: Codes of a reply; a name that ends in ``*`` stands for all with that head.
        receipts: Codes of a delivery receipt, written the same way.
        frequency: The provider's caps for one number.
        facts: Single figures with their source: clock skew, query horizon, verification.
    """

    accepted: frozenset[str]
    refusals: Mapping[str, RefusalMeaning]
    receipts: Mapping[str, ReceiptMeaning]
    frequency: tuple[FrequencyRule, ...]
    facts: Mapping[str, Any]

    def refusal(self, code: str) -> RefusalMeaning | None:
        """What *code* means in a reply, or None if no table knows it."""
        return _look_up(self.refusals, code)

    def receipt(self, code: str) -> ReceiptMeaning | None:
        """What *code* means in a delivery receipt, or None if no table knows it."""
        return _look_up(self.receipts, code)


@cache
def load_codes(provider: str) -> CodeTable:
    """Read the data file of *provider*, once.

    >>> load_codes("aliyun").refusal("isv.CUSTOMER_REFUSED").reason
    <RefusalReason.OPTED_OUT: 'opted_out'>
    """
    import tomllib  # noqa: PLC0415  # an accepted message needs no table

    text = pkgutil.get_data("propsms.providers", f"data/{provider}.toml") or b""
    data = tomllib.loads(text.decode())
    sources: dict[str, str] = data.get("sources", {})
    shared = load_codes(data["include"]).receipts if "include" in data else _NOTHING
    return CodeTable(
        accepted=frozenset(data.get("accepted", ())),
        refusals=dict(_refusals(data.get("refusal", ()), sources)),
        receipts={**shared, **dict(_receipts(data.get("receipt", ()), sources))},
        frequency=tuple(_frequency(row, sources) for row in data.get("frequency", ())),
        facts=data.get("facts", {}),
    )


def _look_up(table: Mapping[str, _M], code: str) -> _M | None:
    if code in table:
        return table[code]
    heads = (code[:end] + "*" for end in range(len(code), -1, -1))
    return next((table[head] for head in heads if head in table), None)


def _refusals(
    groups: list[dict[str, Any]], sources: Mapping[str, str]
) -> Iterator[tuple[str, RefusalMeaning]]:
    for group in groups:
        retry = None if group["retry"] == "ambiguous" else Retry(group["retry"])
        after = timedelta(seconds=group["after"]) if "after" in group else None
        source = _cite(group, sources)
        meaning = RefusalMeaning(RefusalReason(group["reason"]), retry, after, source)
        yield from ((code, meaning) for code in _names(group))


def _receipts(
    groups: list[dict[str, Any]], sources: Mapping[str, str]
) -> Iterator[tuple[str, ReceiptMeaning]]:
    for group in groups:
        reason = RefusalReason(group["reason"]) if "reason" in group else None
        meaning = ReceiptMeaning(DeliveryStatus(group["status"]), reason, _cite(group, sources))
        yield from ((code, meaning) for code in _names(group))


def _names(group: dict[str, Any]) -> Iterator[str]:
    """The codes of a group; ``E000001..E000045`` counts up its last digits."""
    for name in group["codes"]:
        first, dots, last = name.partition("..")
        if not dots:
            yield name
            continue
        head, width = first.rstrip("0123456789"), len(first) - len(first.rstrip("0123456789"))
        for number in range(int(first[len(head) :]), int(last[len(head) :]) + 1):
            yield f"{head}{number:0{width}}"


def _frequency(row: dict[str, Any], sources: Mapping[str, str]) -> FrequencyRule:
    window = row["window"]
    return FrequencyRule(
        kinds=frozenset(row.get("kinds", ())),
        per=tuple(row.get("per", ())),
        limit=row["limit"],
        window=None if window == "day" else timedelta(seconds=window),
        adjustable=row.get("adjustable", False),
        whole_provider=row.get("whole_provider", False),
        source=_cite(row, sources),
    )


def _cite(row: dict[str, Any], sources: Mapping[str, str]) -> str:
    return "; ".join(sources[key] for key in row["source"].split())
