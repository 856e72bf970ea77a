"""What the providers will say to a campaign, found out before it starts."""

from __future__ import annotations

import inspect
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from propsms._clients.caps import rules_of
from propsms._clients.effects import Exchange, NotTaken, Pause
from propsms.errors import InvalidValueError, PropsmsError, ProviderError, RejectedError
from propsms.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from propsms._clients.core import Core
    from propsms._clients.effects import Steps
    from propsms._codes import FrequencyRule
    from propsms.placeholders import Template
    from propsms.providers import Provider
    from propsms.wire import HttpRequest, HttpResponse, TemplateAudit

__all__ = ["preflight"]

_CARRIERS: Final = {"mobile": "中国移动", "unicom": "中国联通", "telecom": "中国电信"}
_UNANSWERED: Final = object()
_PAGES: Final = 40
"""Pages of a list that are read at most; Huawei allows 2000 templates, 50 on a page."""


def preflight(
    core: Core, names: Iterable[str] | None, planned: int, codes_per_day: int
) -> Steps[tuple[Finding, ...]]:
    """Ask every provider what it can be asked; see `propsms.Client.preflight`."""
    templates = [core.library.find(name) for name in (core.library if names is None else names)]
    found: list[Finding] = []
    for provider in core.router.providers:
        asking = _Asking(core, provider)
        found += yield from asking.about_balance(planned)
        found += yield from asking.about_templates(templates)
        found += yield from asking.about_signatures(templates)
        found += _caps(provider, templates, codes_per_day)
    return tuple(found)


class _Asking:
    """The questions to one provider."""

    def __init__(self, core: Core, provider: Any) -> None:
        self._core = core
        self._provider = provider
        self._name: str = provider.name
        self._listed: dict[str, Any] | None = None
        self._unable: set[str] = set()

    def about_balance(self, planned: int) -> Steps[list[Finding]]:
        if not hasattr(self._provider, "build_balance_query"):
            return []
        balance = yield from self._ask(
            self._provider.build_balance_query, self._provider.parse_balance
        )
        if balance is _UNANSWERED:
            return [self._unanswered("the balance", "余额")]
        if isinstance(balance, PropsmsError):
            return self._cannot_ask(balance)
        if balance.messages is not None and balance.messages < max(planned, 1):
            return [
                self._finding(
                    "balance-short",
                    Severity.ERROR,
                    f"账户余量 {balance.messages} 条，不足 {max(planned, 1)} 条，请先充值",
                    f"{balance.messages} messages are left on the account, "
                    f"{max(planned, 1)} are needed; buy more first",
                )
            ]
        if balance.money_fen is not None and balance.money_fen <= 0:
            return [
                self._finding(
                    "balance-short",
                    Severity.ERROR,
                    "账户没有余额，请先充值",
                    "no money is left on the account; top it up first",
                )
            ]
        return []

    def about_templates(self, templates: Iterable[Template]) -> Steps[list[Finding]]:
        found: list[Finding] = []
        for template in templates:
            found += yield from self._about_template(template)
        return found

    def _about_template(self, template: Template) -> Steps[list[Finding]]:
        template_id = template.ids.get(self._name)
        if template_id is None:
            if not getattr(self._provider, "needs_template_id", True):
                return []
            return [
                self._finding(
                    "template-without-id",
                    Severity.ERROR,
                    f"模板“{template.name}”没有该服务商的模板编号，无法经它发送",
                    f"template {template.name!r} has no id at this provider; it cannot send it",
                    template.name,
                )
            ]
        audits = yield from self._audits_of(template_id)
        if audits is None:
            return []
        if audits is _UNANSWERED:
            return [self._unanswered(f"template {template.name!r}", f"模板“{template.name}”")]
        if isinstance(audits, PropsmsError):
            return self._cannot_ask(audits, template)
        return list(self._inactive(audits, "template", template.name))

    def _audits_of(self, template_id: str) -> Steps[Any]:
        """What the provider says of one template; None where it cannot be asked."""
        get: Any = getattr(self._provider, "build_get_template", None)
        if get is not None and _first_parameter(get) == "template_id":
            return (yield from self._ask(get, self._provider.parse_templates, template_id))
        if not hasattr(self._provider, "build_list_templates"):
            return None
        if self._listed is None:
            found = yield from self._list()
            if not isinstance(found, dict):
                return found
            self._listed = found
        return [self._listed[template_id]] if template_id in self._listed else []

    def _list(self) -> Steps[Any]:
        """All templates by their id, for a provider that gets single ones by another key."""
        found: dict[str, Any] = {}
        for page in range(1, _PAGES + 1):
            build: Any = partial(self._provider.build_list_templates, page=page)
            audits = yield from self._ask(build, self._provider.parse_templates)
            if not isinstance(audits, tuple):
                return audits
            listed = cast("tuple[TemplateAudit, ...]", audits)
            more = {audit.template_id: audit for audit in listed}
            if not more.keys() - found.keys():
                break
            found |= more
        return found

    def _cannot_ask(self, error: PropsmsError, template: Template | None = None) -> list[Finding]:
        """The adapter was not told all that the question needs, or an id has not its form.

        Or the provider refused the question, as it will refuse the send: a wrong key, an unknown
        template. The same reason is told once.
        """
        if template is not None and getattr(error, "field", "") == "template_id":
            return [
                self._finding(
                    "template-id-invalid",
                    Severity.ERROR,
                    f"模板“{template.name}”的编号不合该服务商的格式：{error.message_zh}",
                    f"the id of template {template.name!r} has not this provider's form: "
                    f"{error.message}",
                    template.name,
                )
            ]
        if error.message in self._unable:
            return []
        self._unable.add(error.message)
        if isinstance(error, RejectedError):
            name = template.name if template is not None else ""
            return [
                self._finding(
                    "preflight-refused", Severity.ERROR, error.message_zh, error.message, name
                )
            ]
        return [
            self._finding(
                "preflight-unanswered",
                Severity.WARNING,
                f"无法询问：{error.message_zh}",
                f"it cannot be asked: {error.message}",
            )
        ]

    def about_signatures(self, templates: Iterable[Template]) -> Steps[list[Finding]]:
        if not hasattr(self._provider, "build_get_signature"):
            return []
        own: str | None = self._core.library.signature
        names = {t.signature or own for t in templates if t.ids.get(self._name)} - {None}
        found: list[Finding] = []
        for name in sorted(str(name) for name in names):
            found += yield from self._about_signature(name)
        return found

    def _about_signature(self, name: str) -> Steps[list[Finding]]:
        identity = _identity(self._provider, name)
        if identity is None:
            return []  # the provider files signatures under ids that we were not told
        answer = yield from self._ask(
            self._provider.build_get_signature, self._read_signature, identity
        )
        if answer is _UNANSWERED:
            return [self._unanswered(f"signature {name!r}", f"签名【{name}】")]
        if isinstance(answer, PropsmsError):
            return self._cannot_ask(answer)
        audits, filings = answer
        return [*self._inactive(audits, "signature", name), *self._unfiled(filings, name)]

    def _read_signature(self, reply: HttpResponse) -> tuple[Any, dict[str, str]]:
        filings = getattr(self._provider, "parse_filings", _no_filings)
        return self._provider.parse_signatures(reply), filings(reply)

    def _inactive(self, audits: Any, subject: str, name: str) -> Iterator[Finding]:
        said = {"template": "模板", "signature": "签名"}[subject]
        if not audits:
            yield self._finding(
                f"{subject}-not-found",
                Severity.ERROR,
                f"服务商没有{said}“{name}”",
                f"the provider does not know the {subject} {name!r}",
                name,
            )
        for audit in audits:
            if audit.state == "unknown":
                yield self._unanswered(f"{subject} {name!r}", f"{said}“{name}”")
            elif audit.state != "active":
                yield self._finding(
                    f"{subject}-not-active",
                    Severity.ERROR,
                    f"{said}“{name}”状态为 {audit.state}，尚不能发送{_because(audit.reason, '（）')}",
                    f"{subject} {name!r} is {audit.state} and cannot send{_because(audit.reason)}",
                    name,
                )

    def _unfiled(self, filings: dict[str, str], name: str) -> Iterator[Finding]:
        for carrier, state in filings.items():
            if state != "filed":
                said = _CARRIERS.get(carrier, carrier)
                yield self._finding(
                    "signature-not-filed",
                    Severity.WARNING,
                    f"签名【{name}】在{said}的实名报备状态为 {state}，发往该运营商可能失败",
                    f"the real-name filing of signature {name!r} with {carrier} is {state}; "
                    "messages to its numbers may fail",
                    name,
                )

    def _ask(
        self, build: Callable[..., HttpRequest], parse: Callable[[Any], Any], *about: str
    ) -> Steps[Any]:
        wait = self._core.pace.wait(self._name)
        if wait > 0:
            yield Pause(wait)
        try:
            request = build(*about, now=self._core.now(), nonce=self._core.nonce())
        except InvalidValueError as error:
            return error
        reply = yield Exchange(self._provider, request)
        if isinstance(reply, NotTaken):
            return _UNANSWERED
        try:
            return parse(reply)
        except RejectedError as error:
            return error
        except ProviderError:
            return _UNANSWERED

    def _unanswered(self, what: str, what_zh: str) -> Finding:
        return self._finding(
            "preflight-unanswered",
            Severity.WARNING,
            f"未能查到{what_zh}的状态，请稍后再查",
            f"the provider gave no answer about {what}; ask again later",
        )

    def _finding(
        self, code: str, severity: Severity, message: str, message_en: str, field: str = ""
    ) -> Finding:
        return Finding(code, severity, message, message_en, profile=self._name, field=field)


def _no_filings(_: HttpResponse) -> dict[str, str]:
    return {}


def _because(reason: str, brackets: str = " ()") -> str:
    return f"{brackets[:-1]}{reason}{brackets[-1]}" if reason else ""


def _identity(provider: Any, name: str) -> str | None:
    """What the provider is asked for to learn about the signature *name*."""
    ids: dict[str, str] = getattr(provider, "signature_ids", None) or {}
    if name in ids:
        return ids[name]
    return name if _first_parameter(provider.build_get_signature) == "signature" else None


def _first_parameter(of: Callable[..., object]) -> str:
    return next(iter(inspect.signature(of).parameters))


def _caps(
    provider: Provider, templates: Iterable[Template], codes_per_day: int
) -> Iterator[Finding]:
    if not any(template.kind == "otp" for template in templates):
        return
    for rule in rules_of(provider):
        if _is_daily(rule) and rule.limit < codes_per_day:
            more = "，可在控制台调整" if rule.adjustable else ""
            more_en = "; it can be raised in the provider's console" if rule.adjustable else ""
            yield Finding(
                "cap-below-policy",
                Severity.WARNING,
                f"服务商每号每日上限 {rule.limit} 条，低于我们的 {codes_per_day} 次验证码{more}",
                f"the provider allows {rule.limit} messages to a number a day, "
                f"below our {codes_per_day} codes{more_en}",
                profile=provider.name,
                source=rule.source,
            )


def _is_daily(rule: FrequencyRule) -> bool:
    counts_codes = not rule.kinds or "otp" in rule.kinds
    return counts_codes and (rule.window is None or rule.window >= timedelta(days=1))
