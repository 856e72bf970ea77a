"""A text read once for all rules and all profiles; each part is worked out when first asked."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from propsms._kinds import MessageKind
from propsms._placeholders.lazy import late, lazy
from propsms.findings import Span
from propsms.placeholders import Template, is_mangled, restorations, split_signature
from propsms.rules._fold import SPACERS, Folded, fold, is_simple, squeeze
from propsms.rules._rule import CHARS, SIGNS
from propsms.rules._sizes import usual_total

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import time

    from propsms.placeholders import Placeholder, Variable
    from propsms.profiles import Profile
    from propsms.rules._rule import Rule
    from propsms.rules._words import Hit, Union
    from propsms.rules.sending import PlannedSend

    # For a profile and the rules to leave out: each rule left, and what to ask first.
    Plan = tuple[tuple[Rule, Callable[["Reading"], bool] | None], ...]
    Plans = dict[tuple[Profile, frozenset[str]], Plan]

__all__ = ["FEES", "LINK", "MOBILE", "Link", "Reading", "guess_kind"]

_HAN: Final = late("[\u3400-\u9fff]+")
_RUN: Final = late(r"\d\d\d[ -]?\d")
FEES: Final = late(
    "物业费|管理费|停车费|车位费|水费|电费|公摊|账单|欠费|欠缴|拖欠|缴费|缴纳|逾期|滞纳金|违约金|催缴|催款|催收"
    "|物业账|服务账|挂账|物业款"
)
_FEE_SIGNS: Final = frozenset("费摊账欠缴逾滞违催")
MOBILE: Final = late(r"(?<![\d-])(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)")
_PHONE: Final = late(
    r"(?<![\d-])(?:(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}|[48]00[ -]?\d{3,4}[ -]?\d{3,4}"
    r"|\(?0\d{2,3}\)?[ -]?\d{7,8}|9[56]\d{3,4}|123\d\d"
    r"|(?:(?<=电话)|(?<=致电)|(?<=热线)|(?<=电话:)|(?<=拨打)|(?<=热线:))[2-8]\d{6,7})(?![\d-])"
)
LINK: Final = late(
    r"(?:https?://|www\.)[^\s,;!()\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]{1,256}"
    r"|(?<![a-z0-9_.@-])(?:[a-z0-9\x00][a-z0-9\x00-]{0,62}\.){1,4}"
    r"(?:com|cn|net|org|cc|io|top|xyz|vip|me|co|gov|info|site|shop|club|link|app|im|ly|so|gd|tk)"
    r"(?![a-z0-9-])(?:/[^\s,;!()\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]{0,256})?"
)


class Link:
    """A link in a text.

    Attributes:
        span: Where it stands.
        text: As folded; a variable shows as NULs.
        host: Its host, without scheme.
    """

    __slots__ = ("host", "span", "text")

    def __init__(self, span: Span, text: str) -> None:
        self.span = span
        self.text = text
        self.host = re.sub(r"^https?://", "", text).split("/")[0].split("?")[0]


class Reading:
    """A template as the rules see it.

    Attributes:
        text: As it was given; spans are offsets in it.
        kind: What the text is for.
        head: The signature that stands in front of the text, or None.
        start: Where the body starts.
        variables: What is declared, by name; None when nothing was said of variables at all.
        industry: The sender's trade, or empty.
        send_at: The time of day for which it is planned, in Shanghai; None when not said.
        registered: The company's registered name, or empty.
        values: Values of one message, for the rules that look at them.
        sends: What is planned to go out, for the rules that look at it.
        words: The words of any profile seen so far that stand in the text; `plans` finds them.
    """

    def __init__(
        self,
        template: Template,
        *,
        industry: str = "",
        send_at: time | None = None,
        registered: str = "",
    ) -> None:
        self.template = template
        self.text = template.text
        self.kind = template.kind
        self.industry = industry or template.industry
        self.head, self.start = split_signature(template.text)
        self.send_at = send_at
        self.registered = registered or template.registered_name
        self.values: Mapping[str, object] = {}
        self.sends: Sequence[PlannedSend] = ()
        self._hits: dict[int, dict[str, list[Hit]]] = {}
        self.words: frozenset[str] = frozenset()
        self._version = -1
        self._plans: Plans = {}

    @property
    def signature(self) -> str | None:
        """The sender signature: the one in the text, or else the one beside it."""
        return self.template.signature if self.head is None else self.head

    @lazy
    def placeholders(self) -> tuple[Placeholder, ...]:
        """The markers of the text."""
        return self.template.placeholders

    @lazy
    def plain(self) -> str:
        """The text with signature and markers blanked by NULs, so that offsets stay."""
        if not self.placeholders and not self.start:
            return self.text
        parts: list[str] = ["\0" * self.start]
        done = self.start
        for p in self.placeholders:
            if p.start >= done:
                parts += (self.text[done : p.start], "\0" * (p.end - p.start))
                done = p.end
        parts.append(self.text[done:])
        return "".join(parts)

    @lazy
    def chars(self) -> frozenset[str]:
        """The characters of `plain`."""
        return frozenset(self.plain)

    @lazy
    def folded(self) -> Folded:
        """`plain` in lower case, with disguises taken off and half-width punctuation."""
        return fold(self.plain, simple=self.is_simple)

    @lazy
    def squeezed(self) -> Folded | None:
        """`folded` without signs that space out a word, or None."""
        return None if SPACERS.isdisjoint(self.signs) else squeeze(self.folded)

    @lazy
    def signs(self) -> frozenset[str]:
        """The characters of the folded text; words are looked for by their first."""
        return self.chars if self.folded.text == self.plain else frozenset(self.folded.text)

    @lazy
    def is_simple(self) -> bool:
        """True if the text holds nothing but simplified Han and plain signs."""
        return is_simple(self.plain)

    @lazy
    def has_number(self) -> bool:
        """True if four digits stand in a row or nearly so, as in any telephone number."""
        if self.is_simple and _DIGITS.isdisjoint(self.signs):
            return False
        return _RUN.search(self.folded.text) is not None

    @lazy
    def is_about_fees(self) -> bool:
        """True if the text speaks of fees or arrears."""
        if self.kind is MessageKind.DUNNING:
            return True
        return bool(_FEE_SIGNS & self.signs) and bool(FEES.search(self.folded.text))

    @lazy
    def frame(self) -> int:
        """Characters of signature, brackets and fixed text."""
        fixed = len(self.text) - sum([p.end - p.start for p in self.placeholders])
        outside = self.template.signature if self.head is None else None
        return fixed + (len(outside) + 2 if outside else 0)

    @lazy
    def usual(self) -> int:
        """Characters that the text usually has, with signature and brackets."""
        return usual_total(self)

    @lazy
    def fixed(self) -> str:
        """The fixed text alone: no signature, no markers, no signs."""
        return re.sub(r"[\W_]+", "", self.plain)

    @lazy
    def mobiles(self) -> list[Span]:
        """Mobile numbers written in the text."""
        if not self.has_number:
            return []
        return [Span(*self.folded.place(*m.span())) for m in MOBILE.finditer(self.folded.text)]

    @lazy
    def phones(self) -> list[Span]:
        """Telephone numbers of any kind written in the text."""
        if not self.has_number:
            return []
        return [Span(*self.folded.place(*m.span())) for m in _PHONE.finditer(self.folded.text)]

    @lazy
    def links(self) -> list[Link]:
        """Links in the text, whether or not they hold a variable."""
        text = self.folded.text
        if "." not in text and "://" not in text:
            return []
        return [
            Link(Span(*self.folded.place(*m.span())), m[0].rstrip(".,;:!?)"))
            for m in LINK.finditer(text)
        ]

    @lazy
    def mangled(self) -> bool:
        """True if a maths renderer ate signs of the text."""
        return is_mangled(self.text)

    @lazy
    def restorations(self) -> tuple[str, ...]:
        """What the text may have been before it was mangled."""
        return restorations(self.text) if self.mangled else ()

    @lazy
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the markers, each once, in order; empty unless all are numbers."""
        labels = [p.label for p in self.placeholders]
        if not all(label.isascii() and label.isdigit() for label in labels):
            return ()
        return tuple(sorted({int(label) for label in labels if len(label) < 6}))

    @lazy
    def repeats(self) -> bool:
        """True if a label stands twice."""
        labels = {p.label for p in self.placeholders}
        return len(labels) < len(self.placeholders)

    @lazy
    def is_tight(self) -> bool:
        """True if two markers have fewer than three characters between them."""
        return any(b.start - a.end < 3 for a, b in pairwise(self.placeholders))

    @lazy
    def is_glued(self) -> bool:
        """True if a marker touches an ASCII letter, a digit or a hyphen."""
        text = f" {self.text} "
        edges = "".join([text[p.start] + text[p.end + 1] for p in self.placeholders])
        return any(c.isascii() and (c.isalnum() or c in "-.") for c in edges)

    @lazy
    def is_signature_plain(self) -> bool:
        """True if the sender signature is simplified Han alone, or missing."""
        name = self.signature
        return not name or (_HAN.fullmatch(name) is not None and is_simple(name))

    def plans(self, union: Union, known: dict[object, Plans]) -> Plans:
        """The plans for texts of this shape, taken from *known*; the words are found first."""
        if self._version != union.version:
            self._version = union.version
            self.words = union.find(self)
            shape = self.shape
            plans = known.get(shape)
            if plans is None:
                if len(known) >= _SHAPES:
                    known.clear()
                plans = known[shape] = {}
            self._plans = plans
        return self._plans

    @property
    def shape(self) -> tuple[object, ...]:
        """What the first look of most rules goes by: two texts of one shape break the same ones."""
        template = self.template
        return (
            self.kind,
            template.signature if self.head is None else self.head,
            self.head is None,
            bool(self.placeholders),
            bool(template.variables),
            bool(self.words),
            self.send_at is None,
            bool(self.industry),
            bool(self.registered),
            bool(template.filings),
            self.is_simple,
            self.is_about_fees,
            self.mangled,
            self.has_number,
            "://" in self.folded.text,
            self.chars & _chars(),
            self.signs & _signs(),
        )

    def variable(self, place: int) -> Variable:
        """What is known of the variable behind the marker at *place*."""
        return self.template.variable(self.template.names[place])

    def hits(self, profile: Profile, code: str) -> list[Hit]:
        """The listed words of *profile* in the text that the rule *code* reports."""
        found = self._hits.get(id(profile))
        if found is None:
            from propsms.rules._words import find_hits  # noqa: PLC0415 -- the other half of a pair

            found = self._hits[id(profile)] = find_hits(self, profile)
        return found.get(code, _NO_HITS)


_NO_HITS: Final[list[Hit]] = []
_SHAPES: Final = 512  # shapes kept; a company's texts have a few dozen
_DIGITS: Final = frozenset("0123456789")


@lru_cache(maxsize=1)
def _chars() -> frozenset[str]:
    """The characters that some rule looks for first; all rules are loaded by then."""
    return frozenset(CHARS)


@lru_cache(maxsize=1)
def _signs() -> frozenset[str]:
    return frozenset(SIGNS)


_OPT_OUT: Final = late(
    r"(拒收请?回复?|退订回复?|回复?)[RrTtNn](?:[Dd])?(?:退订)?|回复?TD退订|退订"
)
_CODE_WORDS: Final = late("验证码|校验码|动态码|注册码|动态密码")
_DUNNING: Final = late(
    "催缴|催款|催收|欠费|欠缴|拖欠|逾期|滞纳金|违约金|(?:物业费|管理费|停车费|车位费|水费|电费|账单)[^。]{0,40}(?:缴|交|付|到期)"
)


def guess_kind(text: str) -> MessageKind:
    """What a bare text is most likely for, by its words.

    >>> guess_kind("您的验证码为${1},5分钟内有效。").value, guess_kind("本周六停水。").value
    ('otp', 'notice')
    """
    if (_CODE_WORDS.search(text) and "{" in text) or (_CODE_WORDS.search(text) and "#" in text):
        return MessageKind.OTP
    if re.search(r"(?:拒收请回复R|回复?TD?退订|退订回复?TD?)[。.]?\s*$", text):
        return MessageKind.MARKETING
    return MessageKind.DUNNING if _DUNNING.search(text) else MessageKind.NOTICE
