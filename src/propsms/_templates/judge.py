"""Judge a text by every provider's demands, and mend what can be mended."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._kinds import MessageKind
from propsms._placeholders.lazy import lazy
from propsms.errors import InvalidValueError
from propsms.findings import Finding, Severity, apply_edits, rejects
from propsms.placeholders import Template, Variable
from propsms.profiles import ALL, load
from propsms.rules import Reading, check, guess_kind
from propsms.rules._fold import INVISIBLE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import date, time
    from pathlib import Path

    from propsms.findings import Edit
    from propsms.profiles import Profile

__all__ = ["Verdict", "VerdictLevel", "fix", "lint", "lint_values", "verdicts"]


def as_template(
    given: Template | str,
    *,
    kind: MessageKind | str | None = None,
    signature: str | None = None,
    variables: Iterable[Variable] = (),
) -> Template:
    """The template that was given; a bare text becomes one of the kind that its words suggest."""
    if isinstance(given, Template):
        changes: dict[str, Any] = {}
        if kind is not None and MessageKind(kind) is not given.kind:
            changes |= {"kind": kind, "category": None}
        if signature is not None:
            changes["signature"] = signature
        return attrs.evolve(given, **changes) if changes else given
    if not isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(
            f"a template or a text is needed, got {type(given).__name__}",
            f"须给出模板或文字，现为 {type(given).__name__}",
            field="template",
        )
    chosen = guess_kind(given) if kind is None else _KINDS.get(kind) or MessageKind(kind)
    declared = tuple(variables)
    if declared:
        return Template("text", given, chosen, None, signature, declared)
    return Template.bare(given, chosen, signature)


_KINDS: Final[dict[str, MessageKind]] = {kind.value: kind for kind in MessageKind}


def lint(
    template: Template | str,
    *,
    profile: str | Path | Profile = "seed",
    kind: MessageKind | str | None = None,
    signature: str | None = None,
    variables: Iterable[Variable] = (),
    industry: str = "",
    select: Collection[str] | None = None,
    ignore: Collection[str] = (),
    today: date | None = None,
    send_at: time | None = None,
    registered_name: str = "",
) -> tuple[Finding, ...]:
    """Everything in a text that a provider would refuse or that costs money or trust.

    It lists every finding with its place; it neither prints nor stops at the first.

    Args:
        template: A template, or a bare text as the provider gets it.
        profile: A built-in profile, the path of a company's own, or a `Profile`.
        kind: What a bare text is for; None takes what its words suggest.
        signature: The sender signature of a text that does not hold one. It counts as put
            where the provider wants it.
        variables: What is declared of a bare text's variables.
        industry: The sender's trade, such as ``property`` or ``real-estate``.
        select: Codes of the only rules to run; None for all that are on.
        ignore: Codes of rules not to run.
        today: When given, a finding that rests on a page over a year old says so.
        send_at: When it is to go out, a time of day in Shanghai.
        registered_name: The company's name as licensed, of which the signature must be a part.

    Returns:
        The findings in order of place. `propsms.findings.rejects` says whether one is an error.

    Raises:
        TemplateError: There is no such profile.

    >>> [f.code for f in lint("您的验证码为${1},5分钟内有效。", kind="otp")]
    ['signature-head-required']
    >>> lint("您的验证码为${1},5分钟内有效。", kind="otp", signature="绿苑物业")
    ()

    .. versionadded:: 0.1.0
    """
    given = as_template(template, kind=kind, signature=signature, variables=variables)
    reading = Reading(given, industry=industry, send_at=send_at, registered=registered_name)
    return check(reading, load(profile), select=select, ignore=ignore, today=today)


def lint_values(
    template: Template | str,
    values: Mapping[str, object],
    *,
    profile: str | Path | Profile = "seed",
    kind: MessageKind | str | None = None,
    signature: str | None = None,
    variables: Iterable[Variable] = (),
    today: date | None = None,
) -> tuple[Finding, ...]:
    """What is wrong with the *values* of one message at a provider.

    Beyond what `render` refuses everywhere: the provider's own pattern, length and characters
    of each type, contacts and links hidden in a value. A finding's `field` names the variable.

    >>> template = Template(
    ...     "t", "本月车位费${fee}元已出账。", "notice", variables=[Variable("fee", "money")]
    ... )
    >>> [f.field for f in lint_values(template, {"fee": "12元"}, profile="aliyun")]
    ['values.fee']

    .. versionadded:: 0.1.0
    """
    given = as_template(template, kind=kind, signature=signature, variables=variables)
    reading = Reading(given)
    reading.values = values
    return check(reading, load(profile), today=today, values=True)


class VerdictLevel(StrEnum):
    """What a provider will most likely say: take it, take it with a doubt, refuse it."""

    OK = "ok"
    WARN = "warn"
    REJECT = "reject"


# Rules that no other wording of the same purpose gets past.
_HOPELESS: Final = frozenset({"industry-gate", "survey-loyalty"})


@attrs.frozen(slots=False)
class Verdict:
    """What one provider will most likely say of one text, and why.

    Attributes:
        profile: Whose verdict.
        findings: All of them; the errors are the reasons for a refusal.
        hopeless: True if no wording of this purpose passes there.
        channels: What may carry it instead, when it is hopeless.
        template: What was judged.
        judged_by: The profile itself.

    Where little is known of a provider, `is_thin` is true and `note` says so; ``ok`` then
    means only that nothing known speaks against the text.
    """

    profile: str
    findings: tuple[Finding, ...]
    hopeless: bool = False
    channels: tuple[str, ...] = ()
    template: Template | None = attrs.field(default=None, repr=False, eq=False)
    judged_by: Profile | None = attrs.field(default=None, repr=False, eq=False)

    @lazy
    def fixed(self) -> str | None:
        """The text as this provider would take it after all safe fixes; None when unchanged."""
        if self.template is None or self.judged_by is None or not self.findings:
            return None
        mended, _ = fix(self.template, profile=self.judged_by)
        return None if mended.text == self.template.text else mended.text

    @property
    def level(self) -> VerdictLevel:
        """ok, warn or reject."""
        if rejects(self.findings):
            return VerdictLevel.REJECT
        doubts = any(finding.severity is Severity.WARNING for finding in self.findings)
        return VerdictLevel.WARN if doubts else VerdictLevel.OK

    @property
    def is_thin(self) -> bool:
        """True if no official page was found, and less is known of the demands than not.

        ``ok`` then proves little.
        """
        known = self.judged_by
        if known is None or known.grade == "official":
            return False
        return len(known.unknown) > len(known.facts)

    @property
    def note(self) -> str:
        """What to know of this verdict, in Chinese; empty when enough is known there."""
        return self._note("zh")

    @property
    def note_en(self) -> str:
        """The same in English."""
        return self._note("en")

    def _note(self, language: str) -> str:
        known = self.judged_by
        if known is None or not self.is_thin:
            return ""
        here, gone = len(known.facts), len(known.unknown)
        if language == "zh":
            return f"查到 {here} 项要求，{gone} 项没有公开资料，没有报错不等于会通过。{known.note}"
        return (
            f"{here} demands are known, of {gone} nothing was found: "
            f"no finding does not mean that it passes. {known.note_en}"
        ).strip()

    @property
    def reasons(self) -> tuple[str, ...]:
        """The codes of the findings that decide, each once."""
        least = Severity.ERROR if self.level is VerdictLevel.REJECT else Severity.WARNING
        return tuple(dict.fromkeys(f.code for f in self.findings if f.severity is least))


def verdicts(
    template: Template | str,
    profiles: Iterable[str | Path | Profile] = ALL,
    *,
    kind: MessageKind | str | None = None,
    signature: str | None = None,
    industry: str = "",
    today: date | None = None,
) -> dict[str, Verdict]:
    """What each provider will most likely say of one text; the text is read once for all.

    A text is judged as it would be submitted there: markers are turned into the provider's
    dialect and the signature goes where the provider wants it, because `convert` does that
    without anyone's help. What is left are the reasons that need a person.

    >>> told = verdicts("【绿苑物业】您的门禁验证码为${1},5分钟内有效。", ["seed", "aliyun"])
    >>> {name: verdict.level.value for name, verdict in told.items()}
    {'seed': 'ok', 'aliyun': 'ok'}

    .. versionadded:: 0.1.0
    """
    given = as_template(template, kind=kind, signature=signature)
    reading = Reading(given, industry=industry)
    return {profile.name: _verdict(reading, profile, today) for profile in map(load, profiles)}


def improve(
    template: Template | str,
    profiles: Iterable[str | Path | Profile] = ALL,
    *,
    kind: MessageKind | str | None = None,
    signature: str | None = None,
    unsafe: bool = True,
    today: date | None = None,
) -> tuple[Template, dict[str, Verdict]]:
    """What to change so that a text passes at every one of *profiles*, as far as we can tell.

    Each provider's fixes are made in turn, those that reword among them unless *unsafe* is
    false; markers and signature stay in the form that they have, because `convert` carries
    them. A provider that no wording satisfies is left out.

    Returns:
        The text after the changes, the same where none helps, and its verdicts.

    >>> better, told = improve("【绿苑物业】★今晚停水，请提前储水。", ["seed", "aliyun"])
    >>> better.text, [verdict.level.value for verdict in told.values()]
    ('【绿苑物业】今晚停水，请提前储水。', ['ok', 'ok'])

    .. versionadded:: 0.1.0
    """
    asked = [load(profile) for profile in profiles]
    current = as_template(template, kind=kind, signature=signature)
    told = verdicts(current, asked, today=today)
    carried = _REWRITTEN | _CARRIED
    for profile in asked:
        if told[profile.name].findings and not told[profile.name].hopeless:
            current, _ = fix(current, profile=profile, unsafe=unsafe, ignore=carried)
    return current, verdicts(current, asked, today=today)


# What convert() does by itself when a text is carried to a provider; the rest of it under conditions.
_REWRITTEN: Final = frozenset({"placeholder-style", "signature-head-required"})
_CARRIED: Final = frozenset({"placeholder-name", "signature-in-body"})


def _verdict(reading: Reading, profile: Profile, today: date | None) -> Verdict:
    carried = bool(reading.signature) and not reading.mangled
    findings = check(reading, profile, ignore=_REWRITTEN if carried else (), today=today)
    if findings and carried:
        findings = tuple([f for f in findings if not _is_carried(f, reading)])
    hopeless = any(_is_hopeless(f) for f in findings) or _is_a_threat(findings, reading, profile)
    channels = (profile.channels or _CHANNELS) if hopeless else ()
    return Verdict(profile.name, findings, hopeless, channels, reading.template, profile)


_CHANNELS: Final = ("letter", "voice", "visit")
# What such a text is for may not be said by SMS: it belongs in a written demand (Civil Code 944).
_THREATS: Final = frozenset({"dunning-legal-threat", "dunning-credit-threat", "dunning-shaming"})


def _is_a_threat(findings: Iterable[Finding], reading: Reading, profile: Profile) -> bool:
    """True if the text threatens, and is refused as a demand even without the threat."""
    if not any(f.severity is Severity.ERROR and f.code in _THREATS for f in findings):
        return False
    _, left = fix(reading.template, profile=profile, unsafe=True)
    return any(f.severity is Severity.ERROR and f.code.startswith("dunning-") for f in left)


def _is_carried(finding: Finding, reading: Reading) -> bool:
    if finding.code not in _CARRIED:
        return False
    if finding.code == "placeholder-name":
        return all(p.label.isdigit() for p in reading.placeholders)
    return finding.code != "signature-in-body" or (
        finding.span is not None and finding.span.start == 0 and finding.fix is not None
    )


def _is_hopeless(finding: Finding) -> bool:
    if finding.severity is not Severity.ERROR:
        return False
    return finding.code in _HOPELESS or "缴费提醒" in finding.message


# -- Fixes -------------------------------------------------------------------------------------

_ROUNDS: Final = 40  # of a run of neighbours each round mends every other one
_SPLITS: Final = 4  # of a round; the next one splits what is left, and a hostile text stays cheap


def fix(
    template: Template | str,
    *,
    profile: str | Path | Profile = "seed",
    unsafe: bool = False,
    kind: MessageKind | str | None = None,
    signature: str | None = None,
    select: Collection[str] | None = None,
    ignore: Collection[str] = (),
) -> tuple[Template, tuple[Finding, ...]]:
    """Mend what can be mended, and judge the text again.

    Args:
        template: A template, or a bare text.
        profile: Whose demands.
        unsafe: True also makes changes of wording, which want a person's eye.
        kind: As in `lint`.
        signature: As in `lint`.
        select: As in `lint`.
        ignore: As in `lint`.

    Returns:
        The mended template and the findings that are left. Fixing it again changes nothing.
        A signature taken out of the text stands in ``signature``; variables whose names the
        new markers do not show are declared in order, so that values keep their names. A fix
        that would bring in an error which was not there is left out.

    >>> mended, left = fix("【绿苑物业】本小区将于1日{2}时停电。")
    >>> mended.text, left
    ('【绿苑物业】本小区将于${1}日${2}时停电。', ())

    .. versionadded:: 0.1.0
    """
    chosen = load(profile)

    def judge(one: Template) -> tuple[Finding, ...]:
        return check(Reading(one), chosen, select=select, ignore=ignore)

    current = as_template(template, kind=kind, signature=signature)
    findings = judge(current)
    seen = {current.text}
    for _ in range(_ROUNDS):
        better = _better(current, findings, judge, unsafe=unsafe)
        if better is None or better[0].text in seen:
            break
        current, findings = better
        seen.add(current.text)
    return current, findings


_Judged = tuple[Template, tuple[Finding, ...]]
# A fix that shows which variable is which declares them, and then their types are asked for.
_DECLARED: Final = frozenset({"attribute-generic", "attribute-missing"})


def _better(
    template: Template,
    findings: tuple[Finding, ...],
    judge: Callable[[Template], tuple[Finding, ...]],
    *,
    unsafe: bool,
) -> _Judged | None:
    """The text after all fixes at once; or after as many at once as bring in no error."""
    before = _errors(findings)

    def attempt(some: list[Finding]) -> _Judged | None:
        edits = _compatible(template.text, some, unsafe=unsafe)
        mended = _mend(template, edits) if edits else None
        if mended is None:
            return None
        left = judge(mended)
        if _errors(left) - before - _DECLARED and "placeholder-mangled" not in before:
            return None
        return mended, left

    able = [f for f in findings if f.fix is not None and (f.fix.safe or unsafe)]
    best = _most(able, attempt, _SPLITS)
    return best[1] if best is not None else None


def _most(
    some: list[Finding], attempt: Callable[[list[Finding]], _Judged | None], splits: int
) -> tuple[list[Finding], _Judged] | None:
    """As many of *some* as do no harm together: all, or what is left of both halves."""
    done = attempt(some)
    if done is not None:
        return some, done
    if len(some) < 2 or not splits:
        return None
    left, right = (
        _most(half, attempt, splits - 1)
        for half in (some[: len(some) // 2], some[len(some) // 2 :])
    )
    if left is None or right is None:
        return left or right
    both = left[0] + right[0]
    together = attempt(both)
    return left if together is None else (both, together)


def _errors(findings: Iterable[Finding]) -> set[str]:
    return {finding.code for finding in findings if finding.severity is Severity.ERROR}


def _compatible(text: str, findings: Iterable[Finding], *, unsafe: bool) -> list[Edit]:
    """The edits of as many fixes as do not touch one another, the first come first."""
    chosen: list[Edit] = []
    taken = bytearray(len(text) + 1)
    for finding in findings:
        proposed = finding.fix
        if proposed is None or not (proposed.safe or unsafe):
            continue
        spans = [slice(edit.span.start, edit.span.end + 1) for edit in proposed.edits]
        if any(1 in taken[span] for span in spans) or any(
            _joins_numbers(text, edit) for edit in proposed.edits
        ):
            continue
        for span in spans:
            taken[span] = b"\1" * (span.stop - span.start)
        chosen.extend(edit for edit in proposed.edits if _changes(text, edit))
    return chosen


def _joins_numbers(text: str, edit: Edit) -> bool:
    """True if two numbers would run together; an invisible character parts none."""
    if edit.text or INVISIBLE.sub("", text[edit.span.start : edit.span.end]) == "":
        return False
    before = INVISIBLE.sub("", text[max(0, edit.span.start - 20) : edit.span.start])
    after = INVISIBLE.sub("", text[edit.span.end : edit.span.end + 20])
    return before[-1:].isdigit() and after[:1].isdigit()


def _changes(text: str, edit: Edit) -> bool:
    return text[edit.span.start : edit.span.end] != edit.text


def _mend(template: Template, edits: list[Edit]) -> Template | None:
    """The template after *edits*; None if they made one variable of two."""
    text = apply_edits(template.text, edits)
    signed = template.signed
    mended = template.with_text(text)
    if signed and not mended.signed:
        mended = attrs.evolve(mended, signature=signed)
    names = tuple(dict.fromkeys(template.names))
    kept = tuple(dict.fromkeys(mended.names))
    if names and len(template.placeholders) == len(mended.placeholders) and kept != names:
        if len(kept) < len(names):
            return None
        declared = tuple(template.variable(name) for name in names)
        shown = (*declared, *map(mended.variable, kept))
        if [variable.name for variable in shown] != [*names, *kept]:
            return mended  # a marker holds what cannot be a name
        mended = attrs.evolve(mended, variables=_ordered(declared, mended, names))
    return mended


def _ordered(
    declared: tuple[Variable, ...], mended: Template, names: tuple[str, ...]
) -> tuple[Variable, ...]:
    """Declarations that let the new markers be filled by the old names where they can be."""
    numbered = all(p.label.isascii() and p.label.isdigit() for p in mended.placeholders)
    if numbered:
        return declared
    renamed = dict(zip(names, dict.fromkeys(mended.names), strict=False))
    return tuple(attrs.evolve(one, name=renamed.get(one.name, one.name)) for one in declared)
