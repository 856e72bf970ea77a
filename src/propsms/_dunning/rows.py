"""Accounts from the rows of a bill file: one account a household."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from propsms._dunning.accounts import Account, Channel, Contact, Payer
from propsms._dunning.bills import Bill, Dispute
from propsms.phone import PhoneKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from propsms.tables import BillRow, RowError

__all__ = ["accounts_from"]


def accounts_from(
    rows: Iterable[BillRow],
    *,
    errors: Iterable[RowError] = (),
    ledger_at: datetime | None = None,
    community: str = "",
) -> list[Account]:
    """Group the rows of a file by household, in the order in which they come.

    Args:
        rows: What `propsms.tables.read_bills` gives.
        errors: What it could not read, asked for once the rows are through: a household with
            a bill that is left out gets a problem, since its total is not known.
        ledger_at: When the file was exported, or None.
        community: For overrides of the policy.

    .. versionadded:: 0.1.0
    """
    bills: dict[str, list[BillRow]] = {}
    for row in rows:
        bills.setdefault(_household(row), []).append(row)
    left_out: dict[str, list[str]] = {}
    for error in errors:
        if error.skipped and error.key:
            left_out.setdefault(error.key, []).append(f"{error.file}:{error.line} {error.column}")
    accounts = [
        _account(key, found, left_out.get(found[0].household, []), ledger_at, community)
        for key, found in bills.items()
    ]
    seen = {found[0].household for found in bills.values()}
    for household, problems in left_out.items():
        if household not in seen:
            accounts.append(Account(id=household, unit=household, problems=problems))
    return accounts


def _household(row: BillRow) -> str:
    """The 房号 if it says which building, else with building and unit before it."""
    if not row.household.isalnum() or "栋" in row.household:
        return row.household
    return "-".join(part for part in (row.building, row.unit, row.household) if part)


def _account(
    key: str,
    rows: list[BillRow],
    problems: list[str],
    ledger_at: datetime | None,
    community: str,
) -> Account:
    problems = [*problems, *_twice(rows)]
    return Account(
        id=key,
        unit=key,
        bills=[_bill(row) for row in rows],
        payers=[_payer(key, rows)],
        ledger_at=ledger_at,
        community=community,
        problems=problems,
    )


def _twice(rows: list[BillRow]) -> Iterator[str]:
    """Each bill that stands more than once, and where: one of them may be a mistake."""
    lines: dict[str, list[str]] = {}
    for row in rows:
        lines.setdefault(row.bill_id, []).append(str(row.line))
    for name, where in lines.items():
        if len(where) > 1:
            yield (
                f"第 {'、'.join(where)} 行账单重复（{name}），请核对或填写账单编号 / "
                f"bill {name} on lines {', '.join(where)}: check, or give each its id"
            )


def _bill(row: BillRow) -> Bill:
    return Bill(
        row.bill_id,
        row.due,
        row.amount,
        row.paid,
        status=row.status,
        dispute=Dispute(date.min) if row.disputed else None,
        period=row.period,
        fee_type=row.fee_type or "property",
    )


def _payer(key: str, rows: list[BillRow]) -> Payer:
    contacts: list[Contact] = []
    phones = dict.fromkeys(row.phone for row in rows if row.phone is not None)
    # A landline takes no SMS; it may be called where the policy and the owner say so.
    contacts.extend(
        Contact(Channel.SMS if phone.kind is PhoneKind.MOBILE else Channel.VOICE, phone)
        for phone in phones
    )
    if any(row.wechat for row in rows):
        contacts.append(Contact(Channel.WECHAT, key))
    name = next((row.owner for row in rows if row.owner), "")
    return Payer(key, contacts=contacts, name=name)
