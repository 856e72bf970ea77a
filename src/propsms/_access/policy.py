"""Roles and what they may, as values and as TOML whose faults name their key."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import attrs

from propsms._checks import Word
from propsms.errors import InvalidValueError
from propsms.messages import MessageKind, NoticeCategory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["AccessPolicy", "Action", "FourEyes", "Permission", "Role", "policy_from_toml", "texts"]

_Member = TypeVar("_Member", bound=Word)


class Action(Word):
    """What somebody may do.

    `READ_NUMBERS` is to see whole phone numbers, `EXPORT` to take evidence or lists out,
    `ERASE` to delete what is kept of a number.
    """

    SEND = "send"
    APPROVE = "approve"
    READ_NUMBERS = "read_numbers"
    EXPORT = "export"
    EDIT_TEMPLATES = "edit_templates"
    EDIT_POLICY = "edit_policy"
    ERASE = "erase"


def texts(given: Iterable[str]) -> frozenset[str]:
    """Several texts, or one alone, which is not taken for its characters."""
    return frozenset([given] if isinstance(given, str) else given)


def _kinds(given: Iterable[MessageKind | str]) -> frozenset[MessageKind]:
    return frozenset(map(MessageKind, given))


def _categories(given: Iterable[NoticeCategory | str]) -> frozenset[NoticeCategory]:
    return frozenset(map(NoticeCategory, given))


def _positive(_: object, field: attrs.Attribute[Any], value: int | None) -> None:
    if value is not None and (isinstance(value, bool) or value < 1):
        raise InvalidValueError(
            f"{field.name} must be 1 or more, got {value}",
            f"{field.name} 至少为 1，现为 {value}",
            field=field.name,
        )


@attrs.frozen(kw_only=True)
class Permission:
    """One thing that a role may do; what is left empty does not narrow it.

    Attributes:
        action: What may be done.
        kinds: The kinds of message it is for.
        categories: The categories of notice; other kinds of message are not touched by it.
        stages: The dunning stages; other kinds of message are not touched by it.
        max_recipients: The most in one send.
    """

    action: Action = attrs.field(converter=Action)
    kinds: frozenset[MessageKind] = attrs.field(default=frozenset[MessageKind](), converter=_kinds)
    categories: frozenset[NoticeCategory] = attrs.field(
        default=frozenset[NoticeCategory](), converter=_categories
    )
    stages: frozenset[str] = attrs.field(default=frozenset[str](), converter=texts)
    max_recipients: int | None = attrs.field(default=None, validator=_positive)


@attrs.frozen(kw_only=True)
class Role:
    """A job in the company.

    Attributes:
        name: Its key.
        title: What people call it.
        may: What it may do.
        per_person_per_day: Messages a day of each person in it, or None for no cap.
        per_role_per_day: Messages a day of all in it together, or None for no cap.
    """

    name: str
    title: str = ""
    may: tuple[Permission, ...] = ()
    per_person_per_day: int | None = attrs.field(default=None, validator=_positive)
    per_role_per_day: int | None = attrs.field(default=None, validator=_positive)


@attrs.frozen(kw_only=True)
class FourEyes:
    """What needs a second person before it is sent.

    Attributes:
        above_recipients: More recipients than this in one send; None for no such bound.
        stages: These dunning stages, whatever the number.
        except_categories: Notices of these categories never wait.
    """

    above_recipients: int | None = attrs.field(default=None, validator=_positive)
    stages: frozenset[str] = attrs.field(default=frozenset[str](), converter=texts)
    except_categories: frozenset[NoticeCategory] = attrs.field(
        default=frozenset[NoticeCategory](), converter=_categories
    )


@attrs.frozen(kw_only=True)
class AccessPolicy:
    """Who may do what in a company.

    Attributes:
        roles: The roles by name.
        four_eyes: What needs a second person.
        tenant_per_day: Messages a day of a whole tenant, or None for no cap.
    """

    roles: Mapping[str, Role] = attrs.field(factory=dict[str, Role], hash=False)
    four_eyes: FourEyes = FourEyes()
    tenant_per_day: int | None = attrs.field(default=None, validator=_positive)


def policy_from_toml(text: str, name: str) -> AccessPolicy:
    """Read a policy; *name* is what errors call the text.

    Raises:
        InvalidValueError: A key is unknown, missing or wrong; the message names it.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _bad(name, "TOML", str(error)) from error
    reader = _Reader(name)
    reader.known(table, "", {"tenant", "four_eyes", "roles"})
    tenant = reader.table(table, "tenant", {"per_day"})
    four_eyes = reader.table(
        table, "four_eyes", {"above_recipients", "stages", "except_categories"}
    )
    roles = reader.table(table, "roles", None)
    return AccessPolicy(
        roles={key: reader.role(roles, key) for key in roles},
        four_eyes=FourEyes(
            above_recipients=reader.count(four_eyes, "above_recipients", "four_eyes"),
            stages=reader.words(four_eyes, "stages", "four_eyes"),
            except_categories=reader.members(
                four_eyes, "except_categories", "four_eyes", NoticeCategory
            ),
        ),
        tenant_per_day=reader.count(tenant, "per_day", "tenant"),
    )


_STAGES: Final = frozenset({"upcoming", "reminder", "overdue", "final"})


@attrs.frozen
class _Reader:
    """Takes values out of tables, and says the whole path of what is wrong."""

    name: str

    def known(self, table: Mapping[str, Any], path: str, keys: set[str]) -> None:
        for key in table:
            if key not in keys:
                wanted = ", ".join(sorted(keys))
                raise _bad(self.name, _join(path, key), f"unknown key; known are: {wanted}")

    def table(
        self, table: Mapping[str, Any], key: str, keys: set[str] | None, path: str = ""
    ) -> dict[str, Any]:
        value: Any = table.get(key, {})
        where = _join(path, key)
        if not isinstance(value, dict):
            raise _bad(self.name, where, "must be a table")
        found = cast("dict[str, Any]", value)
        if keys is not None:
            self.known(found, where, keys)
        return found

    def role(self, roles: Mapping[str, Any], key: str) -> Role:
        path = f"roles.{key}"
        keys = {"title", "may", "per_person_per_day", "per_role_per_day"}
        table = self.table(roles, key, keys, "roles")
        title: Any = table.get("title", "")
        if not isinstance(title, str):
            raise _bad(self.name, f"{path}.title", "must be a text")
        may: Any = table.get("may", [])
        if not isinstance(may, list):
            raise _bad(self.name, f"{path}.may", "must be a list of tables")
        items = cast("Iterable[object]", may)
        return Role(
            name=key,
            title=title,
            may=tuple(self.permission(item, f"{path}.may[{i}]") for i, item in enumerate(items)),
            per_person_per_day=self.count(table, "per_person_per_day", path),
            per_role_per_day=self.count(table, "per_role_per_day", path),
        )

    def permission(self, item: object, path: str) -> Permission:
        if not isinstance(item, dict):
            raise _bad(self.name, path, "must be a table")
        table = cast("dict[str, Any]", item)
        self.known(table, path, {"action", "kinds", "categories", "stages", "max_recipients"})
        return Permission(
            action=self.member(table.get("action"), f"{path}.action", Action),
            kinds=self.members(table, "kinds", path, MessageKind),
            categories=self.members(table, "categories", path, NoticeCategory),
            stages=self.words(table, "stages", path),
            max_recipients=self.count(table, "max_recipients", path),
        )

    def count(self, table: Mapping[str, Any], key: str, path: str) -> int | None:
        value: Any = table.get(key)
        if value is not None and (type(value) is not int or value < 1):
            raise _bad(self.name, _join(path, key), f"must be a whole number from 1, got {value}")
        return value

    def texts(self, table: Mapping[str, Any], key: str, path: str) -> list[str]:
        value: Any = table.get(key, [])
        if not isinstance(value, list):
            raise _bad(self.name, _join(path, key), "must be a list of texts")
        return [str(each) for each in cast("Iterable[object]", value)]

    def words(self, table: Mapping[str, Any], key: str, path: str) -> frozenset[str]:
        words = self.texts(table, key, path)
        for index, word in enumerate(words):
            if word not in _STAGES:
                wanted = ", ".join(sorted(_STAGES))
                raise _bad(
                    self.name,
                    f"{_join(path, key)}[{index}]",
                    f"must be one of {wanted}, got {word}",
                )
        return frozenset(words)

    def members(
        self, table: Mapping[str, Any], key: str, path: str, kind: type[_Member]
    ) -> frozenset[_Member]:
        words = self.texts(table, key, path)
        where = _join(path, key)
        return frozenset(self.member(word, f"{where}[{i}]", kind) for i, word in enumerate(words))

    def member(self, value: object, path: str, kind: type[_Member]) -> _Member:
        try:
            return kind(cast("str", value))
        except ValueError as error:
            raise _bad(
                self.name, path, f"must be one of {', '.join(kind)}, got {value}"
            ) from error


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _bad(name: str, key: str, why: str) -> InvalidValueError:
    return InvalidValueError(f"{name}: {key}: {why}", f"{name}:{key} 有误：{why}", field=key)
