"""Where a card stands, and what is to be done next."""

from datetime import UTC, date, datetime, timedelta

import attrs
import pytest
from hypothesis import example, given, strategies as st

from propsms.callercard import (
    ActionKind,
    CallerCard,
    CardFile,
    CardNumber,
    CardState,
    Document,
    Registration,
    next_actions,
    ownership,
)
from propsms.errors import InvalidValueError

TODAY = date(2026, 3, 2)
CARD = CallerCard(display_name="某某物业", numbers=(CardNumber("95588"),))


def kinds(state: CardFile, today: date = TODAY) -> list[tuple[ActionKind, str, str]]:
    return [(a.kind, a.registry, a.subject) for a in next_actions(state, today)]


def test_the_way_of_a_card() -> None:
    """Draft, submitted, in review, approved, suspended, expired, withdrawn, and again."""
    step = Registration("generic")
    for state in (
        "submitted",
        "in_review",
        "approved",
        "suspended",
        "expired",
        "withdrawn",
        "draft",
    ):
        step = step.moved(state, TODAY)
        assert (CardState(state), TODAY) == (step.state, step.since)
    rejected = Registration("generic", "submitted").moved("rejected", TODAY, ["缺少印章"])
    assert ("缺少印章",) == rejected.reasons


@pytest.mark.parametrize(
    ("old", "new"), [("draft", "approved"), ("withdrawn", "approved"), ("approved", "approved")]
)
def test_steps_that_do_not_exist(old: str, new: str) -> None:
    """The message gives those that do."""
    with pytest.raises(InvalidValueError, match="possible are"):
        Registration("generic", old).moved(new, TODAY)


@pytest.mark.parametrize(
    ("registration", "actions"),
    [
        (Registration("a"), [(ActionKind.SUBMIT, "a", "draft")]),
        (Registration("a", "rejected", reasons=["x"]), [(ActionKind.MEND, "a", "rejected")]),
        (Registration("a", "suspended"), [(ActionKind.APPEAL, "a", "suspended")]),
        (Registration("a", "expired"), [(ActionKind.RENEW, "a", "expired")]),
        (Registration("a", "approved"), []),
        (Registration("a", "withdrawn"), []),
        (Registration("a", "submitted"), []),
        (Registration("a", "in_review", TODAY - timedelta(13)), []),
        (Registration("a", "in_review", TODAY - timedelta(14)), [(ActionKind.ASK, "a", "in_review")]),
        (Registration("a", "approved", expires=TODAY + timedelta(30)), [(ActionKind.RENEW, "a", "registration")]),
        (Registration("a", "approved", expires=TODAY + timedelta(31)), []),
    ],
)  # fmt: skip
def test_each_state_has_its_next_step(
    registration: Registration, actions: list[tuple[ActionKind, str, str]]
) -> None:
    """One step, or none where there is only waiting."""
    state = CardFile(CARD, [registration])
    assert actions == kinds(state)
    for action in next_actions(state, TODAY):
        assert action.message
        assert action.message_en
        assert "{" not in action.message + action.message_en


def test_renewals_come_thirty_days_before() -> None:
    """Of the card, its papers and the proofs of its numbers; the earliest first."""
    card = attrs.evolve(
        CARD,
        valid_to=TODAY + timedelta(30),
        documents=(
            Document("business_license", "a", expires=TODAY + timedelta(31)),
            Document("number_proof", "b", expires=TODAY - timedelta(1)),
        ),
        numbers=(
            CardNumber("95588", proof=Document("bill", expires=TODAY + timedelta(5))),
            CardNumber("95533", proof="b"),
        ),
    )
    expected = [(ActionKind.RENEW, "", subject) for subject in ("number_proof", "bill", "card")]
    assert expected == kinds(CardFile(card))
    assert TODAY == next_actions(CardFile(card), TODAY)[-1].due
    assert 4 == len(next_actions(CardFile(card), TODAY + timedelta(1)))


def test_a_number_given_back_is_withdrawn_everywhere() -> None:
    """Wherever the card is or may be shown, and not where it never was; the number is masked."""
    states = [
        "approved",
        "suspended",
        "submitted",
        "in_review",
        "expired",
        "draft",
        "rejected",
        "withdrawn",
    ]
    registrations = [Registration(state, state) for state in states]
    given_up = [CardNumber("13900000001"), CardNumber("95588")]
    actions = next_actions(CardFile(CARD, registrations, given_up), TODAY)
    tasks = [a for a in actions if a.kind is ActionKind.WITHDRAW_NUMBER]
    assert {"approved", "suspended", "submitted", "in_review", "expired"} == {
        a.registry for a in tasks
    }
    assert {"139****01", "95***"} == {a.subject for a in tasks}
    assert not any("13900000001" in repr(a) for a in actions)


@example(days=[date.max], states=[CardState.IN_REVIEW], today=TODAY)
@given(
    days=st.lists(st.dates() | st.none(), max_size=4),
    states=st.lists(st.sampled_from(sorted(CardState)), max_size=4),
    today=st.dates(),
)
def test_any_file_has_actions_in_order(
    days: list[date | None], states: list[CardState], today: date
) -> None:
    """The most pressing first, at the ends of the calendar too."""
    card = attrs.evolve(CARD, documents=tuple(Document("a", expires=day) for day in days))
    pairs = zip(states, days, strict=False)
    registrations = [Registration("r", state, day, expires=day) for state, day in pairs]
    dues = [action.due for action in next_actions(CardFile(card, registrations), today)]
    assert sorted(dues) == dues


def test_a_paper_that_was_replaced_needs_no_renewal() -> None:
    """The old licence beside the new one is no task; an expired proof of a number is."""
    papers = (
        Document("business_license", expires=date(2025, 1, 1)),
        Document("business_license", expires=date(2030, 1, 1)),
        Document("number_proof", "a.pdf", expires=date(2025, 1, 1)),
        Document("number_proof", "b.pdf", expires=date(2030, 1, 1)),
    )
    numbers = (CardNumber("4000001234", proof="a.pdf"), CardNumber("4000001235", proof="b.pdf"))
    card = CallerCard(display_name="甲", documents=papers, numbers=numbers)
    subjects = [action.subject for action in next_actions(CardFile(card), date(2026, 3, 2))]
    assert ["number_proof"] == subjects


def test_instants_are_no_days() -> None:
    """Neither today nor the days of a registration."""
    now = datetime(2026, 3, 2, tzinfo=UTC)
    with pytest.raises(TypeError, match="today must be a date"):
        next_actions(CardFile(CallerCard(display_name="甲")), now)
    with pytest.raises(TypeError, match="since must be a date"):
        Registration("rcd", since=now)
    with pytest.raises(TypeError, match="today must be a date"):
        ownership(CallerCard(display_name="甲"), now)
