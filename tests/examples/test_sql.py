"""The statements of the page on ERP tables, word for word, give the stages of `assess`."""

from __future__ import annotations

import re
import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from propsms.dunning import P0, Bill, DunningPolicy, assess

PAGES = [
    Path(__file__).parents[2] / "docs" / language / "how-to" / "dunning-in-sql.md"
    for language in ("zh", "en")
]
AS_OF = date(2026, 6, 14)
TABLES = """
    CREATE TABLE pay_fee_detail (room TEXT, end_time TEXT, receivable NUMERIC, received NUMERIC,
        state TEXT);
    CREATE TABLE account_move (partner TEXT, invoice_date_due TEXT, amount_residual NUMERIC,
        state TEXT, move_type TEXT);
"""

one_bill = st.tuples(
    st.sampled_from("ABCD"),
    st.one_of(st.integers(-40, 120), st.sampled_from([-8, -7, 0, 1, 5, 6, 30, 31, 60, 61])),
    st.integers(-50, 500),
    st.integers(0, 500),
    st.booleans(),
)
policies = st.sampled_from(
    [P0, DunningPolicy(edges=(1, 16, 46)), DunningPolicy(upcoming_days=0),
     DunningPolicy(grace_days=5), DunningPolicy(grace_days=5, grace_mode="shift")]
)  # fmt: skip


def _queries(page: Path) -> list[str]:
    return re.findall(r'query = """\n(.*?)"""', page.read_text("utf-8"), re.DOTALL)


def test_both_languages_show_the_same_statements() -> None:
    zh, en = map(_queries, PAGES)
    assert (2, zh) == (len(zh), en)


@settings(max_examples=60)
@given(rows=st.lists(one_bill, max_size=12), policy=policies)
@pytest.mark.parametrize("at", [0, 1], ids=["micro-community", "odoo"])
def test_the_statements_are_assess(at: int, rows, policy: DunningPolicy) -> None:
    """Part payments, overpaid bills, refunds and void rows too; several bills a household."""
    database = sqlite3.connect(":memory:")
    database.executescript(TABLES)
    bills: dict[str, list[Bill]] = {}
    for n, (room, days, amount, paid, valid) in enumerate(rows):
        due = AS_OF - timedelta(days=days)
        owed = (due.isoformat(), amount, paid, "1" if valid else "0")
        database.execute("INSERT INTO pay_fee_detail VALUES (?, ?, ?, ?, ?)", (room, *owed))
        invoice = (due.isoformat(), amount - paid, "posted" if valid else "draft")
        database.execute(
            "INSERT INTO account_move VALUES (?, ?, ?, ?, 'out_invoice')", (room, *invoice)
        )
        status = "open" if valid else "void"
        bills.setdefault(room, []).append(Bill(f"b{n}", due, amount, paid, status=status))
    cut = {name: day.isoformat() for name, day in policy.cutoffs(AS_OF)._asdict().items()}
    found = database.execute(_queries(PAGES[0])[at], {**cut, "today": AS_OF.isoformat()})
    told = {room: (*owed, stage) for room, *owed, stage in found}
    database.close()
    standings = {room: assess(some, as_of=AS_OF, policy=policy) for room, some in bills.items()}
    assert told == {
        room: (one.overdue_amount, str(one.stage)) if at == 0 else (str(one.stage),)
        for room, one in standings.items()
        if sum(one.buckets.values())
    }
