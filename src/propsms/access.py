"""Who may send what, who must approve it, and how much a day.

Roles and permissions are data, a TOML file of the company; `authorize` is a pure function
over them. It answers with a value: `Allowed`, which carries the daily caps that the quota room
has to reserve, or `Forbidden` with its reason. `log_line` writes a decision down as one line.

No library was taken for it: those that are well kept bring a language of their own for
policies, while a property company's rules are one table.
"""

from __future__ import annotations

import json
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._access.policy import (
    AccessPolicy,
    Action,
    FourEyes,
    Permission,
    Role,
    policy_from_toml,
    texts,
)
from propsms._checks import between, non_empty, require_aware
from propsms.messages import MessageKind, NoticeCategory
from propsms.phone import mask_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

__all__ = [
    "AccessPolicy",
    "Action",
    "Actor",
    "Allowed",
    "Approval",
    "DailyCap",
    "Denial",
    "Forbidden",
    "FourEyes",
    "Permission",
    "Resource",
    "Role",
    "authorize",
    "default_access",
    "load_access",
    "log_line",
]


def _optional_texts(given: Iterable[str] | None) -> frozenset[str] | None:
    return None if given is None else texts(given)


@attrs.frozen
class Actor:
    """Who acts: a person, or the system itself.

    Attributes:
        id: The host's key of the person, such as a staff number; not a name or a phone number.
        roles: The roles held.
        tenant: The company; empty where there is only one.
        communities: Where the roles hold; None for everywhere.
    """

    id: str = attrs.field(validator=non_empty)
    roles: frozenset[str] = attrs.field(converter=texts)
    tenant: str = ""
    communities: frozenset[str] | None = attrs.field(default=None, converter=_optional_texts)


@attrs.frozen
class Approval:
    """A second person has agreed.

    Attributes:
        by: Who; whether that person may is checked again when the send is authorized.
        digest: What was agreed to: it must equal that of the resource, so that an amount or a
            recipient changed since makes the approval void.
    """

    by: Actor
    digest: str = ""


def _approvals(given: Iterable[Approval]) -> tuple[Approval, ...]:
    return tuple(given)


@attrs.frozen(kw_only=True)
class Resource:
    """What is acted on.

    Attributes:
        kind: The kind of message, or None where the action is not about one.
        category: The category of a notice.
        stage: The dunning stage.
        recipients: How many get it.
        tenant: Whose it is.
        community: Where, or empty.
        planned_by: The id of who planned the send.
        digest: A hash of what would be sent, to whom; the host makes it.
        approvals: Who has agreed so far.
    """

    kind: MessageKind | None = attrs.field(
        default=None, converter=attrs.converters.optional(MessageKind)
    )
    category: NoticeCategory | None = attrs.field(
        default=None, converter=attrs.converters.optional(NoticeCategory)
    )
    stage: str | None = attrs.field(default=None, converter=attrs.converters.optional(str))
    recipients: int = attrs.field(default=1, validator=between(0, 10**9))
    tenant: str = ""
    community: str = ""
    planned_by: str = ""
    digest: str = ""
    approvals: tuple[Approval, ...] = attrs.field(default=(), converter=_approvals)


class Denial(StrEnum):
    """Why an act is forbidden."""

    UNKNOWN_ROLE = "unknown_role"
    NOT_PERMITTED = "not_permitted"
    OTHER_TENANT = "other_tenant"
    OTHER_COMMUNITY = "other_community"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    OVER_DAILY_CAP = "over_daily_cap"
    NEEDS_SECOND_PERSON = "needs_second_person"
    APPROVAL_VOID = "approval_void"
    OWN_PLAN = "own_plan"


@attrs.frozen
class DailyCap:
    """A cap of a Shanghai day that the quota room reserves before the send.

    Attributes:
        name: ``person_day``, ``role_day`` or ``tenant_day``.
        key: Where it is counted; its tag, up to the first dot, is the tenant's.
        per_day: How many messages fit.
        cost: How many this send takes.
    """

    name: str
    key: str
    per_day: int
    cost: int


@attrs.frozen
class Allowed:
    """It may be done, if the caps have room.

    Attributes:
        role: The role that allows it.
        caps: What to reserve before a send; empty for other acts.
    """

    role: str
    caps: tuple[DailyCap, ...] = ()


@attrs.frozen
class Forbidden:
    """It may not be done.

    Attributes:
        reason: Why, as a code.
        message: What to do instead, in Chinese.
        message_en: The same in English.
    """

    reason: Denial
    message: str = ""
    message_en: str = ""


def load_access(path: str | Path) -> AccessPolicy:
    """Read a company's policy from a TOML file.

    Raises:
        InvalidValueError: A key is unknown, missing or wrong; the message names file and key.

    .. versionadded:: 0.1.0
    """
    path = Path(path)
    return policy_from_toml(path.read_text("utf-8"), path.name)


@cache
def default_access() -> AccessPolicy:
    """The policy that comes with the library, to begin with.

    >>> sorted(default_access().roles)[:3]
    ['admin', 'collector', 'engineer']

    .. versionadded:: 0.1.0
    """
    file = resources.files("propsms") / "_access" / "default.toml"
    return policy_from_toml(file.read_text("utf-8"), "default.toml")


def authorize(
    actor: Actor,
    action: Action | str,
    resource: Resource | None = None,
    *,
    policy: AccessPolicy | None = None,
) -> Allowed | Forbidden:
    """Decide whether *actor* may do *action* on *resource*.

    Args:
        actor: Who asks.
        action: What is to be done.
        resource: What it is done to; None where the action needs none.
        policy: The company's; None takes `default_access`.

    Returns:
        `Allowed` with the caps to reserve, or `Forbidden` with its reason. Of several roles that
        allow it, the one with the widest cap counts.

    >>> clerk = Actor("s-17", ["frontdesk"])
    >>> authorize(clerk, "send", Resource(kind="dunning")).reason
    <Denial.NOT_PERMITTED: 'not_permitted'>

    .. versionadded:: 0.1.0
    """
    policy = default_access() if policy is None else policy
    action, resource = Action(action), resource or Resource()
    if outside := _outside(actor, resource):
        return _forbidden(outside)
    allowing = _allowing(actor, action, resource, policy)
    if isinstance(allowing, Denial):
        return _forbidden(allowing)
    if action is Action.APPROVE and actor.id == resource.planned_by:
        return _forbidden(Denial.OWN_PLAN)
    if action is not Action.SEND:
        return Allowed(allowing[0].name)
    if missing := _second_person(actor, resource, policy):
        return _forbidden(missing)
    return _with_caps(actor, resource, allowing, policy)


def log_line(
    actor: Actor,
    action: Action | str,
    resource: Resource | None,
    decision: Allowed | Forbidden,
    *,
    now: datetime,
) -> str:
    """One decision as one line of JSON, without personal data.

    It holds ids, counts and codes alone; should a key contain a phone number, it is masked.

    Raises:
        InvalidValueError: *now* has no time zone.

    .. versionadded:: 0.1.0
    """
    require_aware(now)
    resource = resource or Resource()
    entry: dict[str, Any] = {
        "at": now.isoformat(),
        "actor": mask_numbers(actor.id),
        "roles": sorted(actor.roles),
        "tenant": mask_numbers(actor.tenant),
        "action": Action(action).value,
        "kind": resource.kind,
        "category": resource.category,
        "stage": resource.stage,
        "community": mask_numbers(resource.community),
        "recipients": resource.recipients,
        "approved_by": [mask_numbers(approval.by.id) for approval in resource.approvals],
        "allowed": isinstance(decision, Allowed),
        "reason": decision.reason if isinstance(decision, Forbidden) else None,
        "role": decision.role if isinstance(decision, Allowed) else None,
    }
    return json.dumps(entry)


def _outside(actor: Actor, resource: Resource) -> Denial | None:
    if actor.tenant != resource.tenant:
        return Denial.OTHER_TENANT
    if actor.communities is not None and resource.community not in actor.communities:
        return Denial.OTHER_COMMUNITY
    return None


def _allowing(
    actor: Actor, action: Action, resource: Resource, policy: AccessPolicy
) -> list[Role] | Denial:
    """The roles of *actor* that allow it, the widest cap first; or why none does."""
    roles = [policy.roles[name] for name in sorted(actor.roles) if name in policy.roles]
    if not roles:
        return Denial.UNKNOWN_ROLE
    fitting = [(role, p) for role in roles for p in role.may if _covers(p, action, resource)]
    if not fitting:
        return Denial.NOT_PERMITTED
    enough = [
        role
        for role, p in fitting
        if p.max_recipients is None or resource.recipients <= p.max_recipients
    ]
    return sorted(enough, key=_width, reverse=True) or Denial.TOO_MANY_RECIPIENTS


def _covers(permission: Permission, action: Action, resource: Resource) -> bool:
    if permission.action is not action:
        return False
    if permission.kinds and resource.kind not in permission.kinds:
        return False
    if resource.kind is MessageKind.NOTICE and permission.categories:
        return resource.category in permission.categories
    if resource.kind is MessageKind.DUNNING and permission.stages:
        return resource.stage in permission.stages
    return True


def _width(role: Role) -> float:
    caps = (role.per_person_per_day, role.per_role_per_day)
    return min((float(cap) for cap in caps if cap is not None), default=float("inf"))


def _second_person(actor: Actor, resource: Resource, policy: AccessPolicy) -> Denial | None:
    if not _needs_second_person(resource, policy.four_eyes):
        return None
    # Whoever planned or sends it is one person; the other must be allowed to approve just this.
    others = [a for a in resource.approvals if a.by.id not in {actor.id, resource.planned_by}]
    bare = attrs.evolve(resource, approvals=())
    able = [
        a for a in others if isinstance(authorize(a.by, "approve", bare, policy=policy), Allowed)
    ]
    if not able:
        return Denial.NEEDS_SECOND_PERSON
    if not any(approval.digest == resource.digest for approval in able):
        return Denial.APPROVAL_VOID
    return None


def _needs_second_person(resource: Resource, four_eyes: FourEyes) -> bool:
    if resource.kind is MessageKind.NOTICE and resource.category in four_eyes.except_categories:
        return False
    # A stage that is not told may be the one that needs it.
    firm = resource.stage is None or resource.stage in four_eyes.stages
    if resource.kind is MessageKind.DUNNING and four_eyes.stages and firm:
        return True
    bound = four_eyes.above_recipients
    return bound is not None and resource.recipients > bound


def _with_caps(
    actor: Actor, resource: Resource, allowing: list[Role], policy: AccessPolicy
) -> Allowed | Forbidden:
    role = allowing[0]
    # The tag of a key ends at its first dot, so a tenant's own dots are spelled out.
    tenant = actor.tenant.replace("%", "%25").replace(".", "%2E") or "tenant"
    tag = f"{tenant}.access"
    wanted = (
        ("person_day", f"{tag}.person.{actor.id}", role.per_person_per_day),
        ("role_day", f"{tag}.role.{role.name}", role.per_role_per_day),
        ("tenant_day", f"{tag}.tenant", policy.tenant_per_day),
    )
    caps = tuple(
        DailyCap(name, key, per_day, resource.recipients)
        for name, key, per_day in wanted
        if per_day is not None
    )
    if any(cap.cost > cap.per_day for cap in caps):
        return _forbidden(Denial.OVER_DAILY_CAP)
    return Allowed(role.name, caps)


_WORDS: Final = {
    Denial.UNKNOWN_ROLE: (
        "该人员没有策略中定义的角色；请管理员分配角色",
        "this person holds no role of the policy; ask an administrator for one",
    ),
    Denial.NOT_PERMITTED: (
        "该角色无此权限；请由有权限的同事操作",
        "no role of this person allows it; ask a colleague whose role does",
    ),
    Denial.OTHER_TENANT: (
        "不能操作其他公司的数据",
        "it belongs to another company",
    ),
    Denial.OTHER_COMMUNITY: (
        "不能操作不负责的小区",
        "it belongs to a community that this person is not in charge of",
    ),
    Denial.TOO_MANY_RECIPIENTS: (
        "一次发送的人数超过该角色上限；请分批或由经理发送",
        "more recipients than this role may write to at once; split it, or ask the manager",
    ),
    Denial.OVER_DAILY_CAP: (
        "人数超过当日上限；请分几天发送或调整上限",
        "more messages than fit in one day's cap; spread it over days, or raise the cap",
    ),
    Denial.NEEDS_SECOND_PERSON: (
        "须由另一位有审批权的人员批准",
        "a second person who may approve it has to agree first",
    ),
    Denial.APPROVAL_VOID: (
        "批准之后内容有变，须重新批准",
        "what would be sent has changed since it was approved; have it approved again",
    ),
    Denial.OWN_PLAN: (
        "不能批准自己提交的发送计划",
        "nobody approves a plan of their own",
    ),
}


def _forbidden(reason: Denial) -> Forbidden:
    return Forbidden(reason, *_WORDS[reason])
