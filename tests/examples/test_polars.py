"""The stages that polars works out are those of `assess`."""

from __future__ import annotations

import importlib.util
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from propsms.dunning import Bill, DunningPolicy, assess
from propsms.errors import InvalidValueError

pl = pytest.importorskip("polars")
EXAMPLE = Path(__file__).parents[2] / "examples" / "stages_in_polars.py"
AS_OF = date(2026, 6, 14)

one_bill = st.tuples(
    st.sampled_from("ABCD"),
    st.one_of(st.integers(-40, 120), st.sampled_from([-8, -7, 0, 1, 30, 31, 60, 61])),
    st.decimals(min_value=-50, max_value=500, places=2),
)
policies = st.sampled_from(
    [DunningPolicy(), DunningPolicy(edges=(1, 16, 46)), DunningPolicy(upcoming_days=0),
     DunningPolicy(grace_days=5), DunningPolicy(grace_days=5, grace_mode="shift"),
     DunningPolicy(min_amount=Decimal("200.00"))]
)  # fmt: skip


def _example():
    spec = importlib.util.spec_from_file_location("stages_in_polars", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


stages = _example().stages


def test_a_matrix_has_no_fixed_dates() -> None:
    with pytest.raises(InvalidValueError, match="matrix"):
        stages(pl.DataFrame(), as_of=AS_OF, policy=DunningPolicy(matrix=[(10, (1, 61, 121))]))


@settings(max_examples=60)
@given(rows=st.lists(one_bill, min_size=1, max_size=12), policy=policies)
def test_a_data_frame_is_assessed_as_accounts_are(rows, policy: DunningPolicy) -> None:
    """Stage, days and amount of each household with something open."""
    frame = pl.DataFrame(
        [(room, AS_OF - timedelta(days=days), amount) for room, days, amount in rows],
        schema={"room": pl.String, "due": pl.Date, "open": pl.Decimal(12, 2)},
        orient="row",
    )
    told = {row["room"]: row for row in stages(frame, as_of=AS_OF, policy=policy).to_dicts()}
    for name in {room for room, _, _ in rows}:
        bills = [
            Bill(f"b{n}", AS_OF - timedelta(days=days), amount)
            for n, (room, days, amount) in enumerate(rows)
            if room == name and amount > 0
        ]
        if not bills:
            assert name not in told
            continue
        expected = assess(bills, as_of=AS_OF, policy=policy)
        found = told[name]
        assert str(expected.stage) == found["stage"]
        assert max(expected.days_past_due, 0) == found["days"]
        assert expected.overdue_amount == Decimal(str(found["overdue"]))
