"""The public contract: names, order and keywords that hosts call. Adding is free; changing breaks them."""

import inspect
from importlib import import_module
from typing import Any

import pytest

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
        found.__init__ if positional[0] == "self" and inspect.isclass(found) else found
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
    from propsms.dunning import Stage
    from propsms.messages import MessageKind, NoticeCategory, RefusalReason
    from propsms.otp import VerifyStatus

    assert [*MessageKind] == ["otp", "notice", "dunning", "marketing"]
    assert [*NoticeCategory] == ["urgent", "routine", "safety", "service"]
    assert len(RefusalReason) == 18
    assert list(Stage) == ["none", "upcoming", "reminder", "overdue", "final"]
    assert Stage.NONE < Stage.UPCOMING < Stage.REMINDER < Stage.OVERDUE < Stage.FINAL
    names = {status.name for status in VerifyStatus}
    assert names >= {"VERIFIED", "EXPIRED", "WRONG", "EXHAUSTED", "USED", "ABSENT"}
