"""Messages and outcomes."""

import pickle
from datetime import timedelta

import pytest

from propsms.errors import (
    InvalidValueError,
    OutcomeUnknownError,
    RejectedError,
    ThrottledError,
    UnreachableError,
)
from propsms.messages import (
    Accepted,
    MessageKind,
    NoticeCategory,
    OutboundMessage,
    RefusalReason,
    Refused,
    Retry,
    Unknown,
)
from propsms.phone import parse

TO = parse("19900000001")


@pytest.mark.parametrize("words", [MessageKind, NoticeCategory, RefusalReason, Retry])
def test_a_wrong_word_is_told_with_the_right_ones(words: type[MessageKind]) -> None:
    """In both languages, and a number that slipped in is masked."""
    with pytest.raises(InvalidValueError, match=next(iter(words))) as caught:
        words("19900000001")
    assert next(iter(words)) in caught.value.message_zh
    assert "19900000001" not in str(caught.value)
    assert words.__name__ == caught.value.field


def _refused(reason: RefusalReason, retry: Retry) -> Refused:
    return Refused("ref", "aliyun", reason, "isv.X", "19900000001 坏", retry, timedelta(1), "rid")


def test_a_message_keeps_its_own_values() -> None:
    """Changing the dictionary afterwards changes no message, and values do not show."""
    values = {"code": "482913"}
    message = OutboundMessage(TO, "gate-code", values)
    values["code"] = "000000"
    assert message.values == {"code": "482913"}
    assert "482913" not in repr(message)
    assert "19900000001" not in repr(message)
    assert hash(message) == hash(pickle.loads(pickle.dumps(message)))


def test_references_are_fresh() -> None:
    """Two messages never share a key by accident."""
    made = {OutboundMessage(TO, "t").reference for _ in range(100)}
    assert len(made) == 100
    assert all(len(reference) == 32 for reference in made)


def test_kinds_may_be_texts() -> None:
    """A host that reads kinds from a table need not convert them."""
    message = OutboundMessage(TO, "t", kind="notice", category="urgent")  # type: ignore[arg-type]
    assert message.kind is MessageKind.NOTICE
    assert message.category is NoticeCategory.URGENT
    with pytest.raises(ValueError, match="spam"):
        OutboundMessage(TO, "t", kind="spam")  # type: ignore[arg-type]


def test_a_number_is_parsed_before() -> None:
    """A bare text is no number: parse it, so that its traps are met at the door."""
    with pytest.raises(TypeError, match="to must be a PhoneNumber, got str") as caught:
        OutboundMessage("19900000001", "t")  # type: ignore[arg-type]
    assert "0000" not in str(caught.value)


def test_values_are_a_mapping() -> None:
    """The error says so, and shows none of them."""
    with pytest.raises(TypeError, match="values must be a Mapping, got int"):
        OutboundMessage(TO, "t", 482913)  # type: ignore[arg-type]


def test_our_own_refusal_is_told_once_in_each_language() -> None:
    """The detail of a refusal of ours holds both; a message takes its half."""
    refused = Refused(
        "ref", None, RefusalReason.REQUEST_INVALID, "propsms.kind", "why / 原因", Retry.NEVER
    )
    with pytest.raises(RejectedError) as caught:
        refused.raise_for_refusal()
    assert "(propsms.kind: why); nothing was sent" in caught.value.message
    assert "（propsms.kind：原因），未发送" in caught.value.message_zh


def test_accepted_raises_nothing() -> None:
    """There is nothing to raise, so a chain may go on."""
    accepted = Accepted("ref", "aliyun", "biz-1")
    assert accepted.raise_for_refusal() is accepted


@pytest.mark.parametrize(
    ("reason", "retry", "error"),
    [
        (RefusalReason.PHONE_INVALID, Retry.NEVER, RejectedError),
        (RefusalReason.FREQUENCY_LIMITED, Retry.LATER, ThrottledError),
        (RefusalReason.THROTTLED, Retry.NOW, ThrottledError),
        (RefusalReason.UNREACHABLE, Retry.NOW, UnreachableError),
    ],
)
def test_a_refusal_raises_what_a_caller_can_act_on(
    reason: RefusalReason, retry: Retry, error: type[Exception]
) -> None:
    """Each next step has its error; the provider's words stay, numbers masked."""
    refused = _refused(reason, retry)
    with pytest.raises(error) as caught:
        refused.raise_for_refusal()
    assert "isv.X" in str(caught.value)
    assert "19900000001" not in str(caught.value) + repr(refused)
    assert vars(caught.value)["request_id"] == "rid"


def test_refused_here() -> None:
    """Without a provider the library itself is named."""
    refused = Refused("ref", None, RefusalReason.TIME_WINDOW, "quiet", "22:00", Retry.LATER)
    with pytest.raises(ThrottledError, match="propsms refused"):
        refused.raise_for_refusal()


def test_unknown_says_not_to_send_again() -> None:
    """The cause is kept, without the number in it."""
    unknown = Unknown("ref", "aliyun", cause="timeout for +86 199 0000 0001")
    assert "0000 0001" not in repr(unknown)
    with pytest.raises(OutcomeUnknownError, match="do not send it again"):
        unknown.raise_for_refusal()
