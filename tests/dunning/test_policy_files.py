"""A policy file that is wrong is refused when it is read, with what to write instead."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from propsms.dunning import Channel, DunningPolicy, careful, load_policy
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "en", "zh"),
    [
        ("net_credits = 'no'", "net_credits must be true or false, got no", "须为 true 或 false"),
        ("contract_required = 1", "contract_required must be true or false", "现为 1"),
        ("wechat_unread_hours = -5", "a whole number from 1, got -5", "须为不小于 1 的整数"),
        ("version = 3", "version must be a text", "version 须为非空文字"),
        ("version = ''", "version must be a text", "version 须为非空文字"),
        (
            "holidays = 'shut'",
            "holidays must be one of closed, open, got shut",
            "closed、open 之一",
        ),
        ("windows = '09:00-20:00'", "windows must be a table", "windows 须写成表"),
        ("matrix = 5", "matrix must have rows like", "matrix 的每行应形如"),
        ("matrix = [{ below = 100 }]", "matrix must have rows like", "matrix 的每行应形如"),
        ("stages = 3", "stages must be a table of reminder", "stages 须为含 reminder"),
        (
            "stages = { reminder = '1-30', overdue = '31-60', final = '61-', sue = '91-' }",
            "stages must be a table of reminder",
            "stages 须为含 reminder",
        ),
        ("communities = 3", "communities must be a table, got 3", "communities 须为表"),
        ("[communities]\na = 3", "communities.a: it must be a table", "该项 须为表"),
        (
            "[communities.a]\nwindows = { default = '20:00-21:00' }",
            "communities.a: together with the company's rules leaves nothing",
            "communities.a：与公司规则合并后无可用的值",
        ),
    ],
)
def test_what_is_wrong_is_named_in_both_languages(
    tmp_path: Path, text: str, en: str, zh: str
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(InvalidValueError) as caught:
        load_policy(path)
    assert (True, True) == (en in caught.value.message, zh in caught.value.message_zh)
    assert "policy.toml" in caught.value.message


def test_one_word_may_stand_for_a_list(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("channels = 'sms'\napproval_stages = 'overdue'", "utf-8")
    policy = load_policy(path)
    assert isinstance(policy, DunningPolicy)
    assert ((Channel.SMS,), {"overdue"}) == (policy.channels, policy.approval_stages)


EDGES = st.tuples(st.integers(2, 60), st.integers(1, 60)).map(lambda n: (1, n[0], sum(n)))
LATER = st.tuples(st.integers(0, 20), st.integers(0, 40))


@st.composite
def policies(draw: st.DrawFn) -> DunningPolicy:
    """Any edges and grace, and at times later edges for sums below 300 yuan."""
    first, second, third = edges = draw(EDGES)
    small, later = draw(st.booleans()), draw(LATER)
    matrix = [(Decimal(300), (first, second + later[0], third + sum(later)))] if small else []
    return DunningPolicy(
        version=draw(st.sampled_from("ab")),
        edges=edges,
        matrix=matrix,
        grace_days=draw(st.integers(0, 10)),
        grace_mode=draw(st.sampled_from(["gate", "shift"])),
        min_amount=draw(st.sampled_from([Decimal(0), Decimal(200)])),
    )


@given(one=policies(), other=policies(), days=st.integers(1, 150), yuan=st.integers(1, 900))
def test_of_two_policies_the_more_careful_holds(
    one: DunningPolicy, other: DunningPolicy, days: int, yuan: int
) -> None:
    """No stage is firmer than either gives, whichever of the two came first."""
    amount = Decimal(yuan)
    stage = careful(one, other).stage_of(days, amount)
    assert stage <= min(one.stage_of(days, amount), other.stage_of(days, amount))
    assert stage == careful(other, one).stage_of(days, amount)
