"""A company's rules with overrides, and how rules are read from TOML."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs

from propsms._dunning.policy import DunningPolicy
from propsms._dunning.stage import Stage
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from propsms._dunning.accounts import Account
    from propsms.sending_hours import Window

__all__ = ["PolicyBook", "careful", "load_policy", "policy_schema"]


@attrs.define(slots=False)
class PolicyBook:
    """The company's policy with overrides; where several fit, the most careful wins.

    Attributes:
        company: What holds for everybody.
        communities: By `Account.community`.
        segments: By `Account.segment`.
        accounts: By `Account.id`.
    """

    company: DunningPolicy
    communities: Mapping[str, DunningPolicy] = attrs.field(factory=dict[str, DunningPolicy])
    segments: Mapping[str, DunningPolicy] = attrs.field(factory=dict[str, DunningPolicy])
    accounts: Mapping[str, DunningPolicy] = attrs.field(factory=dict[str, DunningPolicy])
    _merged: dict[tuple[str, ...], DunningPolicy] = attrs.field(
        init=False, factory=dict[tuple[str, ...], DunningPolicy], eq=False, repr=False
    )

    def for_account(self, account: Account) -> DunningPolicy:
        """The rules of one account."""
        own = account.id if account.id in self.accounts else ""
        key = (account.community, account.segment, own)
        if (known := self._merged.get(key)) is None:
            known = self._merged[key] = self._merge(*key)
        return known

    def _merge(self, community: str, segment: str, account: str) -> DunningPolicy:
        policy = self.company
        for table, name in (
            (self.communities, community),
            (self.segments, segment),
            (self.accounts, account),
        ):
            if (override := table.get(name)) is not None:
                policy = careful(policy, override)
        return policy


def careful(one: DunningPolicy, other: DunningPolicy) -> DunningPolicy:
    """A policy that allows only what both allow.

    >>> strict = DunningPolicy(version="old town", edges=(1, 46, 91), cap_30_days=2)
    >>> careful(DunningPolicy(), strict).edges
    (1, 46, 91)
    """
    if one == other:
        return one
    merged: dict[str, Any] = {"version": f"{one.version}+{other.version}"}
    for field in attrs.fields(DunningPolicy):
        if field.name != "version":
            merged[field.name] = _pick(field.name, one, other)
    return DunningPolicy(**merged)


_LOWER = frozenset(
    [
        "upcoming_days",
        "max_per_stage",
        "cap_day",
        "cap_30_days",
        "unknown_after_hours",
        "ledger_max_age_hours",
        "promise_limit",
    ]
)
_CAREFUL_WORDS = {
    "grace_mode": "shift",
    "escalation": "strict",
    "holidays": "closed",
    "weekends": "closed",
    "co_owners": "primary",
}


def _pick(name: str, one: DunningPolicy, other: DunningPolicy) -> Any:
    a, b = getattr(one, name), getattr(other, name)
    if a == b:
        return a
    if name in _CAREFUL_WORDS:
        return _CAREFUL_WORDS[name]
    if name == "edges":
        return tuple(max(pair) for pair in zip(a, b, strict=True))
    if name == "approval_stages":
        return a | b
    if name == "windows":
        return _common(dict(a), dict(b))
    if name == "matrix":
        return _matrix(one, other)
    if name in ("channels", "elderly_channels"):
        return tuple(channel for channel in a if channel in b) or a
    if name in ("review_over", "wechat_unread_hours"):
        known = [value for value in (a, b) if value is not None]
        return min(known) if name == "review_over" else max(known)
    if isinstance(a, bool):
        return True
    return min(a, b) if name in _LOWER else max(a, b)


def _common(
    a: dict[str, tuple[Window, ...]], b: dict[str, tuple[Window, ...]]
) -> dict[str, tuple[Window, ...]]:
    merged: dict[str, tuple[Window, ...]] = {}
    for name in sorted({*a, *b}):
        spans, others = a.get(name, a["default"]), b.get(name, b["default"])
        both = (span.overlap(other) for span in spans for other in others)
        merged[name] = tuple(span for span in both if span is not None)
    return merged


def _matrix(one: DunningPolicy, other: DunningPolicy) -> tuple[Any, ...]:
    """Each amount of either matrix, with the later of the edges that the two give below it."""
    amounts = sorted({amount for amount, _ in (*one.matrix, *other.matrix)})
    base = tuple(map(max, one.edges, other.edges))
    rows: list[tuple[Decimal, tuple[int, ...]]] = []
    low = Decimal(0)
    for amount in amounts:
        edges = tuple(map(max, one.edges_for(low), other.edges_for(low), base))
        rows.append((amount, edges))
        low = amount
    return tuple(rows)


def load_policy(path: str | Path | None = None) -> DunningPolicy | PolicyBook:
    """Read rules from a TOML file; None reads the ones that come with the library, P0.

    The keys are the fields of `DunningPolicy`. ``stages`` may give the day ranges instead of
    ``edges``; ``[communities.NAME]``, ``[segments.NAME]`` and ``[accounts.NAME]`` hold
    overrides, each on top of the company's rules, and make it a `PolicyBook`.

    Raises:
        InvalidValueError: A key is not known or a value is refused; the message names it.
        OSError: The file cannot be read.
    """
    if path is None:
        text, name = (
            (resources.files("propsms._dunning") / "p0.toml").read_text("utf-8"),
            "p0.toml",
        )
    else:
        text, name = _text(Path(path)), str(path)
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise _bad(name, f"is no TOML: {error}", f"不是合法的 TOML：{error}") from None
    tables = {
        key: _table(data.pop(key, {}), name, key)
        for key in ("communities", "segments", "accounts")
    }
    company = _policy(data, name, {})
    if not any(tables.values()):
        return company
    overrides = {
        table: {
            key: _override(row, f"{name}: {table}.{key}", data, company)
            for key, row in rows.items()
        }
        for table, rows in tables.items()
    }
    return PolicyBook(company, **overrides)


def _override(row: Any, where: str, base: dict[str, Any], company: DunningPolicy) -> DunningPolicy:
    """The rules of a part, once it is sure that something is left of both together."""
    policy = _policy(_table(row, where, ""), where, base)
    try:
        careful(company, policy)
    except InvalidValueError as error:
        raise _bad(
            where,
            f"together with the company's rules leaves nothing: {error.message}",
            f"与公司规则合并后无可用的值：{error.message_zh}",
        ) from error
    return policy


def _table(value: Any, where: str, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _bad(
            where,
            f"{key or 'it'} must be a table, got {value!r}",
            f"{key or '该项'} 须为表，现为 {value!r}",
        )
    return cast("dict[str, Any]", value)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise _bad(
            str(path), "is not UTF-8; save it as UTF-8", "不是 UTF-8 编码，请另存为 UTF-8"
        ) from None


_NAMES = frozenset(field.name for field in attrs.fields(DunningPolicy))


def _policy(data: dict[str, Any], where: str, base: dict[str, Any]) -> DunningPolicy:
    fields = {**base, **data}
    stages = fields.pop("stages", None)
    if unknown := sorted(fields.keys() - _NAMES):
        raise _bad(
            where,
            f"has keys that no policy has: {', '.join(unknown)}",
            f"含有未知的键：{'、'.join(unknown)}",
        )
    if stages is not None:
        edges = _edges_of(stages, where)
        if tuple(fields.get("edges", edges)) != edges:
            first = fields["edges"]
            raise _bad(
                where,
                f"gives edges {first} but stages that begin on {edges}: a day in two stages",
                f"edges {first} 与 stages 的起始天数 {edges} 不一致：有一天落入两个阶段",
            )
        fields["edges"] = edges
    try:
        if "matrix" in fields:
            fields["matrix"] = [_row(row) for row in _each(fields["matrix"])]
        return DunningPolicy(**fields)
    except (ValueError, TypeError) as error:
        zh = getattr(error, "message_zh", "") or str(error)
        en = getattr(error, "message", "") or str(error)
        raise _bad(where, en, zh) from error


def _each(given: Any) -> Iterable[Any]:
    try:
        yield from given
    except TypeError:
        yield given


def _row(given: Any) -> tuple[Decimal, tuple[int, ...]]:
    row = cast("dict[str, Any]", given)
    if not isinstance(given, dict) or row.keys() != {"below", "edges"}:
        raise InvalidValueError(
            f"matrix must have rows like {{ below = 100, edges = [1, 61, 121] }}, got {given!r}",
            f"matrix 的每行应形如 {{ below = 100, edges = [1, 61, 121] }}，现为 {given!r}",
            field="matrix",
        )
    return Decimal(row["below"]), row["edges"]


def _edges_of(stages: Any, where: str) -> tuple[int, ...]:
    """Read ``reminder = "1-30"``, ``overdue = "31-60"``, ``final = "61-"``: no gap, no overlap."""
    known = {Stage.REMINDER, Stage.OVERDUE, Stage.FINAL}
    table = cast("dict[str, str]", stages)
    if not isinstance(stages, dict) or table.keys() - known:
        raise _bad(
            where,
            f"stages must be a table of reminder, overdue and final, got {stages!r}",
            f"stages 须为含 reminder、overdue、final 的表，现为 {stages!r}",
        )
    firsts: list[int] = []
    reach = 0
    for stage in (Stage.REMINDER, Stage.OVERDUE, Stage.FINAL):
        first, _, last = str(table.get(stage, "")).partition("-")
        if not first.isdigit() or bool(last) != (stage is not Stage.FINAL):
            raise _bad(
                where, f'stages.{stage} must be like "1-30"', f'stages.{stage} 应形如 "1-30"'
            )
        if int(first) != reach + 1:
            what = "overlap" if int(first) <= reach else "gap"
            zh = "重叠" if int(first) <= reach else "空档"
            raise _bad(
                where,
                f"stages.{stage} begins on day {first}: {what} at {min(int(first), reach + 1)}",
                f"stages.{stage} 从第 {first} 天起：第 {min(int(first), reach + 1)} 天{zh}",
            )
        firsts.append(int(first))
        reach = int(last) if last.isdigit() else reach
    return tuple(firsts)


def _bad(where: str, en: str, zh: str) -> InvalidValueError:
    return InvalidValueError(f"{where}: {en}", f"{where}：{zh}", field="policy")


def policy_schema() -> dict[str, Any]:
    """The JSON Schema of a policy file, for editors and for hosts that check before loading."""
    text = (resources.files("propsms._dunning") / "policy.schema.json").read_text("utf-8")
    return cast("dict[str, Any]", json.loads(text))
