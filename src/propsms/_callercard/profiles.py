"""What each registry asks of a card: dated data, one TOML file per registry.

A limit that no source confirms is left out, and `lint_card` then says that it is unknown. A
company adds its carrier's own form as a TOML file of the same shape; see `load_profile`.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeVar

import attrs

from propsms._callercard.fields import Form, read_utf8
from propsms._callercard.numbers import CardNumberKind
from propsms._checks import Word, instance
from propsms.errors import InvalidValueError

__all__ = [
    "CardProfile",
    "LogoRule",
    "ProfileStatus",
    "card_profile",
    "card_profiles",
    "load_profile",
    "parse_profile",
]


class ProfileStatus(Word):
    """Whether the registry is known to take cards: yes, no longer, or nobody knows.

    .. versionadded:: 0.1.0
    """

    LIVE = "live"
    RETIRED = "retired"
    UNKNOWN = "unknown"


def _number(_: object, field: Any, value: object) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise InvalidValueError(
            f"{field.name} must be a whole number from 1, or left out if unknown, got {value!r}",
            f"{field.name} 须为不小于 1 的整数，未知则不写，现为 {value!r}",
            field=field.name,
        )


def _one_of(*allowed: str) -> Any:
    def check(_: object, field: Any, value: object) -> None:
        if value not in allowed:
            raise InvalidValueError(
                f"{field.name} must be one of {', '.join(allowed)}, got {value!r}",
                f"{field.name} 须为 {'、'.join(allowed)} 之一，现为 {value!r}",
                field=field.name,
            )

    return check


def _strings(_: object, field: Any, value: tuple[object, ...]) -> None:
    if not all(isinstance(item, str) for item in value):
        raise InvalidValueError(
            f"{field.name} must be a list of texts, got {value!r}",
            f"{field.name} 须为文本列表，现为 {value!r}",
            field=field.name,
        )


def _tuple(value: Any) -> tuple[Any, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@attrs.frozen(kw_only=True)
class LogoRule:
    """What a registry asks of a logo; None and False ask nothing.

    Attributes:
        required: Whether a card without a logo is refused.
        formats: Which formats it takes; empty takes any that can be read.
        width: The exact width in pixels.
        height: The exact height in pixels.
        square: Whether the sides must be equal.
        power_of_two: Whether the sides must be powers of two.
        max_bytes: The largest file.
        bits_per_pixel: The exact depth, for formats that count per pixel.
        max_bits_per_pixel: The largest depth, for formats that count per pixel.
        alpha: Whether transparent parts are allowed; None if nobody says.
        size_in_name: Whether the name should tell the size, as in ``logo-256x256.png``.
        url_max: The longest HTTPS address of the logo.

    .. versionadded:: 0.1.0
    """

    required: bool = False
    formats: tuple[str, ...] = attrs.field(default=(), converter=_tuple, validator=_strings)
    width: int | None = attrs.field(default=None, validator=_number)
    height: int | None = attrs.field(default=None, validator=_number)
    square: bool = False
    power_of_two: bool = False
    max_bytes: int | None = attrs.field(default=None, validator=_number)
    bits_per_pixel: int | None = attrs.field(default=None, validator=_number)
    max_bits_per_pixel: int | None = attrs.field(default=None, validator=_number)
    alpha: bool | None = None
    size_in_name: bool = False
    url_max: int | None = attrs.field(default=None, validator=_number)


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    raise InvalidValueError(
        f"checked_on must be a date such as 2026-01-31, got {value!r}",
        f"checked_on 须为日期，如 2026-01-31，现为 {value!r}",
        field="checked_on",
    )


def _kinds(values: Any) -> tuple[CardNumberKind, ...]:
    return tuple(_member(CardNumberKind, value, "number_kinds") for value in _tuple(values))


def _status(value: Any) -> ProfileStatus:
    return _member(ProfileStatus, value, "status")


_Word = TypeVar("_Word", bound=Word)


def _member(words: type[_Word], value: object, field: str) -> _Word:
    for word in words:
        if word == value:
            return word
    known = [word.value for word in words]
    raise InvalidValueError(
        f"{field} must be of {', '.join(known)}, got {value!r}",
        f"{field} 须取自 {'、'.join(known)}，现为 {value!r}",
        field=field,
    )


def _limits(_: object, field: Any, value: tuple[object, ...]) -> None:
    """A word of another spelling would never be compared with a figure."""
    if odd := [limit for limit in value if limit not in {"name", "reason", "usage", "logo"}]:
        raise InvalidValueError(
            f"{field.name} must be of name, reason, usage, logo, got {odd[0]!r}",
            f"{field.name} 须取自 name、reason、usage、logo，现为 {odd[0]!r}",
            field=field.name,
        )


_USUAL_KINDS = (
    CardNumberKind.MOBILE,
    CardNumberKind.FIXED,
    CardNumberKind.SVC400,
    CardNumberKind.SVC800,
    CardNumberKind.SVC95,
    CardNumberKind.SVC96,
)


@attrs.frozen(kw_only=True)
class CardProfile:
    """What one registry asks of a card, and where that is written.

    Attributes:
        id: Its stable name.
        title: What people call it, in Chinese.
        title_en: The same in English.
        region: Where it works: ``CN``, ``US`` or ``world``.
        status: Whether it is known to take cards.
        name_max: The longest display name, or None if not known.
        reason_max: The longest text or call reason, or None if not known.
        usage_max: The widest `service_type`, a Chinese character being 2, or None.
        length_unit: How lengths count: ``code_point``, ``utf16`` or ``cjk2``.
        charset: Which characters the text may hold: ``any`` or ``bmp``.
        limits: Which limits the registry is known or supposed to have; one of them without a
            figure is reported as unknown.
        logo: What it asks of the logo, or None if it takes none or nothing is known.
        required_documents: Kinds of papers without which it refuses.
        recommended_documents: Kinds of papers that it may ask for.
        stamped_documents: Kinds of papers that must bear the seal.
        number_kinds: Which sorts of number it takes.
        number_prefixes: Which countries' numbers it takes, such as ``+1``; empty takes any.
        refuses_emoji: Whether an emoji in the name is an error rather than a warning.
        refuses_government_words: Whether a word of the authorities is an error, likewise.
        source: Where this is written.
        checked_on: When that was read.
        notes: What else a person should know, in Chinese.
        notes_en: The same in English.

    .. versionadded:: 0.1.0
    """

    id: str = attrs.field(validator=instance(str))
    title: str = ""
    title_en: str = ""
    region: str = "CN"
    status: ProfileStatus = attrs.field(default=ProfileStatus.UNKNOWN, converter=_status)
    name_max: int | None = attrs.field(default=None, validator=_number)
    reason_max: int | None = attrs.field(default=None, validator=_number)
    usage_max: int | None = attrs.field(default=None, validator=_number)
    length_unit: Literal["code_point", "utf16", "cjk2"] = attrs.field(
        default="code_point", validator=_one_of("code_point", "utf16", "cjk2")
    )
    charset: Literal["any", "bmp"] = attrs.field(default="any", validator=_one_of("any", "bmp"))
    limits: tuple[str, ...] = attrs.field(
        default=("name", "logo"), converter=_tuple, validator=[_strings, _limits]
    )
    logo: LogoRule | None = None
    required_documents: tuple[str, ...] = attrs.field(
        default=(), converter=_tuple, validator=_strings
    )
    recommended_documents: tuple[str, ...] = attrs.field(
        default=(), converter=_tuple, validator=_strings
    )
    stamped_documents: tuple[str, ...] = attrs.field(
        default=(), converter=_tuple, validator=_strings
    )
    number_kinds: tuple[CardNumberKind, ...] = attrs.field(default=_USUAL_KINDS, converter=_kinds)
    number_prefixes: tuple[str, ...] = attrs.field(
        default=(), converter=_tuple, validator=_strings
    )
    refuses_emoji: bool = False
    refuses_government_words: bool = False
    source: str = attrs.field(validator=instance(str))
    checked_on: date = attrs.field(converter=_day)
    notes: str = ""
    notes_en: str = ""


def parse_profile(text: str, *, name: str = "profile") -> CardProfile:
    """Read a profile from the text of a TOML file.

    Raises:
        InvalidValueError: It is no TOML, a field is unknown, missing or out of its bounds; the
            message names the line and the key.

    .. versionadded:: 0.1.0
    """
    form = Form(text, name)
    ready: dict[str, Any] = {}
    if "logo" in form.data:
        rule = form.table(form.data["logo"], ("logo",))
        ready["logo"] = form.make(LogoRule, rule, ("logo",))
    profile = form.make(CardProfile, form.data, (), **ready)
    for key in ("id", "source"):
        if not getattr(profile, key).strip():
            raise form.fault((key,), f"{key} must not be empty", f"{key} 不能为空")
    return profile


def load_profile(path: Path | str) -> CardProfile:
    """Read a company's own profile, such as its carrier's form.

    Raises:
        InvalidValueError: As in `parse_profile`.
        OSError: The file cannot be read.

    .. versionadded:: 0.1.0
    """
    path = Path(path)
    return parse_profile(read_utf8(path), name=path.name)


@cache
def card_profiles() -> dict[str, CardProfile]:
    """All shipped profiles by id, `generic` first.

    .. versionadded:: 0.1.0
    """
    forms = files("propsms._callercard") / "forms"
    found = [
        parse_profile(form.read_text("utf-8"), name=form.name)
        for form in forms.iterdir()
        if form.name.endswith(".toml")
    ]
    found.sort(key=lambda profile: (profile.id != "generic", profile.id))
    return {profile.id: profile for profile in found}


def card_profile(name: str) -> CardProfile:
    """The shipped profile of that id.

    Raises:
        InvalidValueError: There is none; the message lists those there are.

    .. versionadded:: 0.1.0
    """
    profiles = card_profiles()
    if name not in profiles:
        known = ", ".join(profiles)
        raise InvalidValueError(
            f"profile must be one of {known}, got {name!r}; use load_profile for your own file",
            f"profile 须为 {known} 之一，现为 {name!r}；自有规则文件请用 load_profile",
            field="profile",
        )
    return profiles[name]
