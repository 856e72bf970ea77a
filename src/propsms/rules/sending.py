"""Rules about what is planned to go out: how often, and the same text twice.

A text alone does not tell; `propsms.templates.check_sends` gives the sends.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from propsms._kinds import MessageKind
from propsms.findings import Severity
from propsms.rules._rule import Breach, Example, Rule

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence
    from datetime import datetime

    from propsms.profiles import Profile
    from propsms.rules._reading import Reading

__all__ = ["PlannedSend"]


class PlannedSend(NamedTuple):
    """One message that is to go out.

    Attributes:
        to: The number, in one spelling throughout; it is compared and never shown.
        text: The whole text, values filled in.
        kind: What it is for.
        at: When; an aware instant.
        signature: The sender signature; a provider counts for each one apart.
    """

    to: str
    text: str
    kind: MessageKind
    at: datetime
    signature: str = ""

    def __repr__(self) -> str:
        return f"PlannedSend(kind={self.kind.value!r}, at={self.at.isoformat()!r})"


class _Limit(NamedTuple):
    """At most *most* in *window*; of *kind*, of ``any`` kind, or of the ``same`` text."""

    kind: str
    most: int
    window: timedelta
    told: str

    def counts(self, send: PlannedSend) -> bool:
        """True if *send* is one of those that are counted."""
        if self.kind in ("any", "same"):
            return True
        if send.kind is MessageKind.DUNNING:  # providers class it as a notice
            return self.kind in ("dunning", "notice")
        return self.kind == send.kind.value

    def key(self, send: PlannedSend) -> Hashable:
        """What is counted together."""
        return (send.to, send.signature, send.text if self.kind == "same" else "")


_UNITS: Final = {"s": 1, "min": 60, "h": 3600, "day": 86_400}
_LIMIT: Final = re.compile(r"(\w+) (\d+)/(\d*)(s|min|h|day)")


def _limits(profile: Profile, *, same: bool) -> Iterator[_Limit]:
    for told in profile.get("frequency", ()):
        found = _LIMIT.fullmatch(told)
        if found and (found[1] == "same") is same:
            window = timedelta(seconds=int(found[3] or 1) * _UNITS[found[4]])
            yield _Limit(found[1], int(found[2]), window, told)


def _surplus(
    sends: Sequence[PlannedSend], limit: _Limit
) -> Iterator[tuple[int, PlannedSend, datetime]]:
    """Each send that is one too many, its place, and when it may go instead."""
    counted: dict[Hashable, list[datetime]] = defaultdict(list)
    for place, send in sorted(enumerate(sends), key=lambda pair: pair[1].at):
        if not limit.counts(send):
            continue
        before = counted[limit.key(send)]
        if len(before) >= limit.most and send.at - before[-limit.most] < limit.window:
            yield place, send, before[-limit.most] + limit.window
        else:
            before.append(send.at)


def _find_frequent(reading: Reading, profile: Profile) -> Iterator[Breach]:
    for limit in _limits(profile, same=False):
        for place, _, then in _surplus(reading.sends, limit):
            yield Breach(
                f"第 {place + 1} 条超出频率上限（{limit.told}），会被拒发；请排到 {then:%m-%d %H:%M:%S} 以后",
                f"send {place + 1} is over the cap ({limit.told}) and would be refused; queue it "
                f"until {then:%m-%d %H:%M:%S}",
                fact="frequency",
                field=f"sends.{place}",
            )


FREQUENCY_PREFLIGHT: Final = Rule(
    code="frequency-preflight",
    summary="同一号码的计划发送次数超过服务商的频率上限。",
    summary_en="More sends to one number are planned than the provider takes.",
    why="超出的会被拒发，验证码收不到，催缴批次只发出一部分。",
    why_en="What is over the cap is refused: the code never comes, the run goes out in part.",
    find=_find_frequent,
    bad=Example(
        "您的验证码为482913，5分钟内有效。",
        "aliyun",
        "otp",
        sends=((0, "您的验证码为482913。"), (20, "您的验证码为771204。")),
    ),
    good=Example(
        "您的验证码为482913，5分钟内有效。",
        "aliyun",
        "otp",
        sends=((0, "您的验证码为482913。"), (1800, "您的验证码为771204。")),
    ),
    needs=("frequency",),
    sends=True,
)


def _find_duplicate(reading: Reading, profile: Profile) -> Iterator[Breach]:
    for limit in _limits(profile, same=True):
        for place, _, then in _surplus(reading.sends, limit):
            yield Breach(
                f"第 {place + 1} 条与刚发给同一号码的内容相同（{limit.told}），会被拦截；"
                f"请去重，或排到 {then:%m-%d %H:%M:%S} 以后",
                f"send {place + 1} repeats a text that the number has just been sent "
                f"({limit.told}) and would be blocked; drop it, or queue it until "
                f"{then:%m-%d %H:%M:%S}",
                fact="frequency",
                severity="warning",
                field=f"sends.{place}",
            )


DUPLICATE_CONTENT: Final = Rule(
    code="duplicate-content",
    summary="短时间内给同一号码发相同内容。",
    summary_en="The same text goes to one number twice within a short time.",
    why="名单里有重复号码，或重试时没有去重；多发的会被拦截，住户也会厌烦。",
    why_en="A number stands twice in the list, or a retry repeats; the second is blocked.",
    find=_find_duplicate,
    bad=Example(
        "今晚22时起停水，请提前储水。",
        "qiniu",
        sends=((0, "今晚22时起停水，请提前储水。"), (0, "今晚22时起停水，请提前储水。")),
    ),
    good=Example(
        "今晚22时起停水，请提前储水。",
        "qiniu",
        sends=((0, "今晚22时起停水，请提前储水。"),),
    ),
    severity=Severity.WARNING,
    needs=("frequency",),
    sends=True,
)
