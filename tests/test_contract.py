"""The public contract: names, order and keywords that hosts call. Adding is free; changing breaks them."""

import inspect
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from importlib import import_module
from typing import Any
from uuid import UUID

import pytest

from propsms import access, callercard, errors, providers
from propsms.dunning import (
    Action,
    Bill,
    BillStatus,
    Channel,
    DunningPolicy,
    HoldKind,
    NoticeStatus,
    PayerRole,
    Reason,
    Stage,
)
from propsms.errors import InvalidValueError
from propsms.findings import Severity
from propsms.messages import (
    Accepted,
    DeliveryStatus,
    MessageKind,
    NoticeCategory,
    OutboundMessage,
    Outcome,
    RefusalReason,
    Refused,
    Retry,
    Unknown,
)
from propsms.otp import OtpPolicy, Resend, VerifyStatus
from propsms.phone import PhoneKind, parse
from propsms.segments import Encoding
from propsms.templates import ALL, Template, VariableType, convert, fix, verdicts

# Positional parameters in order, then keyword-only ones, as hosts may write them.
CALLS: dict[str, tuple[str, str]] = {
    "phone.parse": ("raw", "region"),
    "segments.count_segments": ("text", "encoding"),
    "segments.count_billed": ("text", "signature"),
    "templates.lint": ("template", "profile kind signature"),
    "templates.verdicts": ("template profiles", ""),
    "templates.fix": ("template", "profile unsafe"),
    "templates.convert": ("template to", ""),
    "templates.render": ("template values", ""),
    "templates.measure": ("template rows", ""),
    "templates.load_library": ("path", ""),
    "templates.Template": ("name text kind category signature variables ids", ""),
    "findings.Finding": ("code severity message message_en span profile source fix", ""),
    "messages.OutboundMessage": ("to template values kind category signature reference", ""),
    "messages.Accepted": ("reference provider message_id segments request_id", ""),
    "messages.Refused": (
        "reference provider reason code detail retry retry_after request_id",
        "",
    ),
    "messages.Unknown": ("reference provider cause request_id", ""),
    "messages.DeliveryReceipt": (
        "provider message_id reference phone status reason raw_code raw_text segment at",
        "",
    ),
    "messages.Reply": ("provider phone text at extension message_id", ""),
    "wire.WireMessage": ("to template_id signature params text reference", ""),
    "wire.Push": ("receipts replies audits ack", ""),
    "otp.OtpService": ("store secret index_key policy", ""),
    "otp.OtpService.issue": ("self phone", "purpose now tenant session address"),
    "otp.OtpService.verify": ("self phone", "purpose code now tenant session"),
    "otp.OtpService.cancel": ("self challenge_id", "now"),
    "otp.AsyncOtpService.issue": ("self phone", "purpose now tenant session address"),
    "otp.Issued": ("code challenge_id expires_at", ""),
    "otp.Denied": ("reason retry_at", ""),
    "otp.VerifyResult": ("status remaining", ""),
    "dunning.Bill": ("id due amount paid payments status dispute", ""),
    "dunning.assess": ("bills", "as_of policy"),
    "dunning.decide": ("account", "now policy hours text_findings"),
    "dunning.plan": ("accounts", "now policy"),
    "dunning.late_fee": ("bill", "as_of clause"),
    "dunning.allocate": ("payment bills", ""),
    "dunning.Standing": ("stage days_past_due overdue_amount buckets", ""),
    "callercard.lint_card": ("card profile today", ""),
    "clients.Client": (
        "self providers",
        "library http retry quota qps suppression hours clock nonce",
    ),
    "clients.AsyncClient": (
        "self providers",
        "library http retry quota qps suppression hours clock nonce",
    ),
    "clients.Client.send": ("self message", ""),
    "clients.Client.send_many": ("self messages", "concurrency on_progress"),
    "clients.AsyncClient.send_many": ("self messages", "concurrency on_progress"),
    "providers.Outbox.build_request": ("self messages", "now nonce"),
    "providers.Outbox.parse_response": ("self messages response", ""),
    "providers.Outbox.exchange": ("self request", ""),
    "providers.Outbox.parse_push": ("self request", "now"),
    "providers.Outbox": ("path", ""),
    "otp.KeyRing": ("newest older", ""),
    "otp.AsyncOtpService.verify": ("self phone", "purpose code now tenant session"),
    "otp.AsyncOtpService.cancel": ("self challenge_id", "now"),
    "clients.AsyncClient.send": ("self message", ""),
    "wire.HttpRequest": ("method url headers body", ""),
    "wire.HttpResponse": ("status headers body", ""),
    "wire.BatchRule": ("max_messages same_params", ""),
    "phone.mask_numbers": ("text", ""),
    "tables.read_bills": ("path", ""),
    "tables.read_recipients": ("path", ""),
    "callercard.read_logo": ("data", ""),
    "callercard.to_vcard": ("card logo", ""),
    "callercard.to_jcard": ("card", ""),
    "callercard.vcard_line_to_jcard": ("line", ""),
    "callercard.passport_json": ("claims", ""),
    "callercard.call_info_header": ("uri purpose call_reason", ""),
    "callercard.ios_call_directory": ("cards", ""),
    "callercard.to_csv": ("cards", "excel_safe"),
    "callercard.registration_package": ("card profile", ""),
    "callercard.plan_touch": ("card callee call_at policy history", ""),
    "callercard.after_call": ("outcome policy history", ""),
    "callercard.answer_rate": ("before after", ""),
    "callercard.next_actions": ("state today", ""),
    "callercard.ownership": ("card", ""),
    "callercard.format_for": ("provider number", ""),
    "callercard.Document": ("kind file_name sha256 issued expires stamped", ""),
    "callercard.CardNumber": ("raw", "purpose holder_name proof"),
    "callercard.CallerCard": (
        "",
        (
            "display_name legal_name service_type industry department call_reason numbers logo logo_url"
            " url email address note uscc documents valid_from valid_to version"
        ),
    ),
    "dunning.DunningPolicy": ("", "edges upcoming_days grace_days min_amount"),
    "dunning.Account": ("", "id bills holds notices ledger_at"),
    "flows.CodeFlow.send": ("self phone", "purpose tenant session address"),
    "flows.CodeFlow.check": ("self phone", "purpose code tenant session"),
    "flows.NoticeCampaign.run": ("self recipients", ""),
    "flows.CollectionRun.plan": ("self accounts", ""),
    "flows.CollectionRun.commit": ("self plan", ""),
    "flows.Inbox.receive": ("self request", ""),
    "journal.Journal.purge": ("self before", ""),
    "journal.Journal.erase": ("self phone", ""),
    "dunning.EvidenceLedger.purge": ("self before", ""),
    "dunning.EvidenceLedger.erase": ("self phone", ""),
    "stores.SQLiteStore": ("path", ""),
    "stores.RedisStore": ("client", ""),
    "stores.MemoryStore.open": ("self challenge caps now", ""),
    "stores.MemoryStore.spend_attempt": ("self key now", ""),
    "stores.MemoryStore.consume": ("self challenge_id now", ""),
    "stores.MemoryStore.cancel": ("self challenge_id now", ""),
}
_MADE_BY_US = {"otp.Denied"}  # hosts read it and never make one
_KEYWORD = inspect.Parameter.KEYWORD_ONLY


def _find(path: str) -> Any:
    room, *names = path.split(".")
    found: Any = import_module(f"propsms.{room}")
    for name in names:
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("path", CALLS)
def test_can_be_called_as_promised(path: str) -> None:
    """The promised parameters come first and in order; the keywords are there; the rest has defaults."""
    positional, keywords = (names.split() for names in CALLS[path])
    found = _find(path)
    given = inspect.signature(
        found.__init__ if positional[:1] == ["self"] and inspect.isclass(found) else found
    )
    ordered = [p.name for p in given.parameters.values() if p.kind is not _KEYWORD]
    assert positional == ordered[: len(positional)]
    assert not set(keywords) - set(given.parameters)
    promised = {*positional, *keywords}
    variable = {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
    added = [
        p for p in given.parameters.values() if p.name not in promised and p.kind not in variable
    ]
    assert path in _MADE_BY_US or all(p.default is not p.empty for p in added), added


def test_values_of_the_vocabulary() -> None:
    """Enumerations are texts in lower case; stages are in order."""
    assert [*MessageKind] == ["otp", "notice", "dunning", "marketing"]
    assert [*NoticeCategory] == ["urgent", "routine", "safety", "service"]
    assert len(RefusalReason) == 18
    assert list(Stage) == ["none", "upcoming", "reminder", "overdue", "final"]
    assert Stage.NONE < Stage.UPCOMING < Stage.REMINDER < Stage.OVERDUE < Stage.FINAL
    names = {status.name for status in VerifyStatus}
    assert names >= {"VERIFIED", "EXPIRED", "WRONG", "EXHAUSTED", "USED", "ABSENT"}
    assert [*Retry] == ["never", "later", "now"]
    assert [*DeliveryStatus] == ["delivered", "failed", "unknown"]
    assert {*Severity} == {"error", "warning", "info"}
    assert {*PhoneKind} >= {"mobile", "landline", "toll_free", "short", "sms_port", "privacy"}


def test_defaults_that_are_promised() -> None:
    """What a host that sets nothing gets."""
    policy = OtpPolicy()
    assert (policy.digits, policy.max_attempts, policy.codes_per_day) == (6, 5, 10)
    assert (policy.ttl, policy.resend_after) == (timedelta(minutes=5), timedelta(minutes=1))
    dunning = DunningPolicy()
    assert ((1, 31, 61), 7, 0) == (dunning.edges, dunning.upcoming_days, dunning.grace_days)
    assert dunning.min_amount == 0
    bill = Bill("2026-Q3", due=date(2026, 9, 30), amount=Decimal("386.40"))
    assert (bill.paid, bill.payments, bill.status, bill.dispute) == (0, (), "open", None)
    message = OutboundMessage(parse("199 0000 0001"), "gate-code", {"code": "482913"})
    assert (None, None, None) == (message.kind, message.category, message.signature)
    assert UUID(message.reference).hex == message.reference
    template = Template("t", "text", "notice")
    assert (template.variables, template.ids) == ((), {})


def test_every_profile_that_is_promised_judges() -> None:
    """`verdicts` asks them all unless told otherwise."""
    names = "seed aliyun tencent huawei huawei-intl baidu volcengine ctyun yunpian cmas qiniu"
    template = Template("t", "您的验证码为${code}，5分钟内有效。", "otp", signature="绿苑物业")
    assert set(names.split()) <= set(verdicts(template))
    assert set(verdicts(template)) == set(verdicts(template, profiles=ALL))
    for name in names.split():
        convert(template, to=name)
    mended, left = fix(template, profile="seed")
    assert (type(mended), type(left)) == (Template, tuple)


CARD_PROFILES = (
    "generic caiyin_text huawei_aim_sa baidu_spns reseller_2019 tencent_smpn bcid_us"
    " twilio_us_enhanced telnyx_dir apple_business_us rcd ios_directory"
)


def test_every_registry_that_is_promised_checks() -> None:
    """A card is judged for each by its name."""
    card = callercard.CallerCard(
        display_name="绿苑物业", numbers=[callercard.CardNumber("400-000-1234")]
    )
    for name in CARD_PROFILES.split():
        assert callercard.lint_card(card, profile=name, today=date(2026, 11, 23)) is not None


def test_every_act_of_a_provider_can_be_called() -> None:
    """What `Provider` asks stands in each, with `now` and `nonce` by name."""
    for name in providers.names():
        found = providers.get(name)
        assert isinstance(getattr(providers, found.__name__), type)
        given = inspect.signature(found.build_request).parameters
        assert {"now", "nonce"} == {p.name for p in given.values() if p.kind is _KEYWORD}
        assert ["self", "messages", "response"] == [
            *inspect.signature(found.parse_response).parameters
        ]


def test_reasons_of_a_decision() -> None:
    """Codes that hosts show and count: none is renamed or dropped."""
    codes = """OK_SEND NOT_DUE PAID COVERED_BY_CREDIT BELOW_MINIMUM IN_GRACE HOLD_DISPUTE
        HOLD_PROMISE PROMISE_BROKEN HOLD_INSTALMENT HOLD_PAUSE HOLD_HARDSHIP DO_NOT_DUN ESTATE
        LEGAL_HANDOVER NO_DEBTOR NOT_A_DEBTOR NO_CHANNEL BAD_NUMBER OPTED_OUT NOT_SUBSCRIBED
        PRIOR_NOTICE_MISSING SPACING RESPONSE_PERIOD_RUNNING COOL_DOWN CAP_DAY CAP_MONTH
        NEEDS_APPROVAL UNKNOWN_DELIVERY_PENDING QUIET_HOURS HOLIDAY CALENDAR_MISSING
        LIMITATION_NEAR LIMITATION_PASSED CONTRACT_MISSING AFTER_CONTRACT_END TEMPLATE_LINT
        TEMPLATE_NOT_APPROVED STALE_LEDGER DATA_ERROR DUPLICATE RUN_LOCKED RUN_BACKDATED"""
    assert set(codes.split()) <= {reason.name for reason in Reason}
    assert {"send", "wait", "hold", "block", "none", "review"} == {*Action}


@pytest.mark.parametrize(
    "words",
    [
        *(Stage, BillStatus, HoldKind, NoticeStatus, PayerRole, Channel, VariableType, Resend),
        *(Encoding, DeliveryStatus, callercard.CardState, callercard.CallResult, access.Action),
    ],
)
def test_another_word_is_refused_with_the_list(words: type[StrEnum]) -> None:
    """Hosts read words from tables of theirs; the error names the enumeration and its words."""
    with pytest.raises(InvalidValueError, match=f"no {words.__name__}; it is one of") as caught:
        words("19900000001")
    assert ", ".join(words) in caught.value.message_zh
    assert "19900000001" not in str(caught.value)


def test_outcomes_of_a_send() -> None:
    """One union; each kind raises the branch that says what the caller can do next."""
    never = ("ref", None, RefusalReason.TIME_WINDOW, "code", "detail", Retry.NEVER)
    later = (*never[:5], Retry.LATER)
    unreachable = (*never[:2], RefusalReason.UNREACHABLE, *never[3:])
    for outcome, error in (
        (Refused(*never), errors.RejectedError),
        (Refused(*later), errors.ThrottledError),
        (Refused(*unreachable), errors.UnreachableError),
        (Unknown("ref", "aliyun", "read timeout"), errors.OutcomeUnknownError),
    ):
        assert isinstance(outcome, Outcome)
        with pytest.raises(error) as caught:
            outcome.raise_for_refusal()
        assert isinstance(caught.value, errors.ProviderError)
    assert isinstance(Accepted("ref", "aliyun", "id"), Outcome)
