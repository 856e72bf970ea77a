"""Access: who may send what, four eyes, caps, and one line per decision."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st

from propsms.access import (
    AccessPolicy,
    Action,
    Actor,
    Allowed,
    Approval,
    DailyCap,
    Denial,
    Forbidden,
    FourEyes,
    Permission,
    Resource,
    Role,
    authorize,
    default_access,
    load_access,
    log_line,
)
from propsms.errors import InvalidValueError
from propsms.messages import MessageKind, NoticeCategory
from propsms.phone import PhoneNumber
from propsms.quota import CalendarDay, Cap, Capped, Limit
from propsms.stores import MemoryStore
from propsms.testing import phones

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def person(name: str, *roles: str, **more: Any) -> Actor:
    """Somebody with these roles."""
    return Actor(name, roles, **more)


CLERK = person("s-1", "frontdesk")
STEWARD = person("s-2", "steward")
COLLECTOR = person("s-3", "collector")
MANAGER = person("s-4", "manager")
ENGINEER = person("s-5", "engineer")
SYSTEM = person("system", "system")


def why(decision: Allowed | Forbidden) -> Denial | None:
    """The reason of a refusal, or None."""
    return decision.reason if isinstance(decision, Forbidden) else None


@pytest.mark.parametrize(
    ("actor", "resource", "reason"),
    [
        (SYSTEM, Resource(kind="otp"), None),
        (SYSTEM, Resource(kind="otp", recipients=2), Denial.TOO_MANY_RECIPIENTS),
        (SYSTEM, Resource(kind="marketing"), Denial.NOT_PERMITTED),
        (CLERK, Resource(kind="notice", category="service"), None),
        (CLERK, Resource(kind="notice", category="urgent"), Denial.NOT_PERMITTED),
        (CLERK, Resource(kind="notice"), Denial.NOT_PERMITTED),
        (CLERK, Resource(kind="notice", category="service", recipients=21), Denial.TOO_MANY_RECIPIENTS),
        (CLERK, Resource(kind="dunning", stage="reminder"), Denial.NOT_PERMITTED),
        (CLERK, Resource(kind="otp"), Denial.NOT_PERMITTED),
        (CLERK, Resource(), Denial.NOT_PERMITTED),
        (STEWARD, Resource(kind="notice", category="routine", recipients=200), None),
        (STEWARD, Resource(kind="notice", category="routine", recipients=201), Denial.NEEDS_SECOND_PERSON),
        (STEWARD, Resource(kind="dunning", stage="reminder"), None),
        (STEWARD, Resource(kind="dunning", stage="overdue"), Denial.NOT_PERMITTED),
        (COLLECTOR, Resource(kind="dunning", stage="overdue"), None),
        (COLLECTOR, Resource(kind="dunning", stage="final"), Denial.NEEDS_SECOND_PERSON),
        (COLLECTOR, Resource(kind="dunning"), Denial.NEEDS_SECOND_PERSON),
        (MANAGER, Resource(kind="dunning", stage="final"), Denial.NEEDS_SECOND_PERSON),
        (MANAGER, Resource(kind="marketing", recipients=200), None),
        (ENGINEER, Resource(kind="notice", category="urgent", recipients=5000), None),
        (ENGINEER, Resource(kind="notice", category="urgent", recipients=5001), Denial.OVER_DAILY_CAP),
        (ENGINEER, Resource(kind="notice", category="safety", recipients=201), Denial.NEEDS_SECOND_PERSON),
        (person("s-6", "admin"), Resource(kind="notice", category="service"), Denial.NOT_PERMITTED),
        (person("s-7", "owner"), Resource(kind="notice"), Denial.UNKNOWN_ROLE),
        (person("s-8"), Resource(kind="notice"), Denial.UNKNOWN_ROLE),
    ],
)  # fmt: skip
def test_who_may_send(actor: Actor, resource: Resource, reason: Denial | None) -> None:
    """The policy that comes along, row by row."""
    decision = authorize(actor, "send", resource)
    assert reason == why(decision)
    if isinstance(decision, Forbidden):
        assert decision.message
        assert decision.message_en


@pytest.mark.parametrize(
    ("actor", "action", "reason"),
    [
        (MANAGER, "approve", None),
        (MANAGER, "read_numbers", None),
        (COLLECTOR, "export", None),
        (CLERK, "read_numbers", Denial.NOT_PERMITTED),
        (MANAGER, "edit_policy", Denial.NOT_PERMITTED),
        (person("s-6", "admin"), "edit_policy", None),
        (person("s-6", "admin"), Action.ERASE, None),
    ],
)
def test_other_actions(actor: Actor, action: str, reason: Denial | None) -> None:
    """An act that sends nothing needs a permission, and has no caps."""
    decision = authorize(actor, action)
    assert reason == why(decision)
    if isinstance(decision, Allowed):
        assert decision.caps == ()


FINAL = Resource(kind="dunning", stage="final", planned_by="s-3", digest="d1", recipients=3)


@pytest.mark.parametrize(
    ("actor", "approvals", "reason"),
    [
        (COLLECTOR, [], Denial.NEEDS_SECOND_PERSON),
        (COLLECTOR, [Approval(MANAGER, "d1")], None),
        (COLLECTOR, [Approval(MANAGER, "d0")], Denial.APPROVAL_VOID),
        (COLLECTOR, [Approval(MANAGER, "d0"), Approval(MANAGER, "d1")], None),
        (COLLECTOR, [Approval(STEWARD, "d1")], Denial.NEEDS_SECOND_PERSON),
        (COLLECTOR, [Approval(attrs.evolve(MANAGER, id="s-3"), "d1")], Denial.NEEDS_SECOND_PERSON),
        (
            COLLECTOR,
            [Approval(attrs.evolve(MANAGER, tenant="b"), "d1")],
            Denial.NEEDS_SECOND_PERSON,
        ),
        # The manager who sends what the collector planned is one; he needs another to approve.
        (MANAGER, [Approval(MANAGER, "d1")], Denial.NEEDS_SECOND_PERSON),
        (MANAGER, [Approval(attrs.evolve(MANAGER, id="s-9"), "d1")], None),
    ],
)
def test_four_eyes(actor: Actor, approvals: list[Approval], reason: Denial | None) -> None:
    """A second person, who may approve, agreed to just this; the planner is not that person."""
    resource = attrs.evolve(FINAL, approvals=tuple(approvals))
    assert reason == why(authorize(actor, "send", resource))


def test_one_role_alone_is_no_set_of_letters() -> None:
    """``roles="admin"`` once gave the roles a, d, m, i and n, and every answer was no."""
    assert {"admin"} == Actor("u1", "admin").roles
    assert {"north"} == Actor("u1", ["admin"], communities="north").communities
    assert {"admin"} == Actor("u1", ["admin"]).roles


def test_nobody_approves_a_plan_of_their_own() -> None:
    """Approval is refused to the one who planned it, whatever the role."""
    assert why(authorize(attrs.evolve(MANAGER, id="s-3"), "approve", FINAL)) is Denial.OWN_PLAN
    assert why(authorize(MANAGER, "approve", FINAL)) is None


def test_tenants_and_communities_are_apart() -> None:
    """A role holds in its own company, and where a person is in charge."""
    notice = Resource(kind="notice", category="service", tenant="a", community="阳光小区")
    mine = person("s-1", "frontdesk", tenant="a", communities=["阳光小区"])
    assert why(authorize(mine, "send", notice)) is None
    assert why(authorize(attrs.evolve(mine, tenant="b"), "send", notice)) is Denial.OTHER_TENANT
    other = attrs.evolve(notice, community="月光小区")
    assert why(authorize(mine, "send", other)) is Denial.OTHER_COMMUNITY
    nowhere = attrs.evolve(notice, community="")
    assert why(authorize(mine, "send", nowhere)) is Denial.OTHER_COMMUNITY


def test_caps_are_data_for_the_quota_room() -> None:
    """The answer lists what to reserve; the quota room refuses when it is used up."""
    clerk = attrs.evolve(CLERK, tenant="a.b")
    notice = Resource(kind="notice", category="service", recipients=20, tenant="a.b")
    decision = authorize(clerk, "send", notice)
    assert (
        Allowed(
            "frontdesk",
            (
                DailyCap("person_day", "a%2Eb.access.person.s-1", 200, 20),
                DailyCap("tenant_day", "a%2Eb.access.tenant", 20000, 20),
            ),
        )
        == decision
    )
    caps = [
        Cap(cap.key, Limit(cap.name, cap.per_day, CalendarDay()), cap.cost)
        for cap in decision.caps
    ]
    store = MemoryStore()
    refused = [isinstance(store.spend(caps, NOW), Capped) for _ in range(12)]
    assert [False] * 10 + [True] * 2 == refused


def test_the_widest_role_counts() -> None:
    """Of several roles that allow it, the one with the widest cap is taken."""
    both = person("s-1", "frontdesk", "steward")
    decision = authorize(both, "send", Resource(kind="notice", category="service"))
    assert isinstance(decision, Allowed)
    assert decision.role == "steward"
    boss = person("s-1", "frontdesk", "manager")
    decision = authorize(boss, "send", Resource(kind="notice", category="service"))
    assert isinstance(decision, Allowed)
    assert ("manager", ["tenant_day"]) == (decision.role, [cap.name for cap in decision.caps])


def test_policy_by_hand() -> None:
    """A policy is values too; without bounds nobody has to approve."""
    role = Role(name="all", may=(Permission(action="send"),), per_role_per_day=5)
    policy = AccessPolicy(roles={"all": role}, four_eyes=FourEyes())
    decision = authorize(person("x", "all"), "send", Resource(recipients=5), policy=policy)
    assert Allowed("all", (DailyCap("role_day", "tenant.access.role.all", 5, 5),)) == decision
    assert Resource(approvals=[Approval(MANAGER)]).approvals == (Approval(MANAGER),)
    with pytest.raises(InvalidValueError, match="recipients"):
        Resource(recipients=-1)
    with pytest.raises(InvalidValueError, match="1 or more"):
        Role(name="x", per_person_per_day=0)


GOOD = (Path(__file__).parents[1] / "src/propsms/_access/default.toml").read_text("utf-8")


def test_policy_from_a_file(tmp_path: Path) -> None:
    """The company's file is read as the default is."""
    file = tmp_path / "access.toml"
    file.write_text(GOOD.replace("above_recipients = 200 ", "above_recipients = 10 "), "utf-8")
    policy = load_access(file)
    assert policy.four_eyes.above_recipients == 10
    assert policy.roles["frontdesk"].title == "前台客服"
    assert policy.roles == default_access().roles
    file.write_text("", "utf-8")
    assert load_access(file) == AccessPolicy()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[roles", "TOML"),
        ("roles = 1", "roles"),
        ("[rolls.x]", "rolls"),
        ("[tenant]\nper_day = 0", "tenant.per_day"),
        ("[tenant]\nper_day = true", "tenant.per_day"),
        ("[tenant]\nper_week = 1", "tenant.per_week"),
        ("[four_eyes]\nstages = ['last']", "four_eyes.stages[0]"),
        ("[four_eyes]\nstages = 'final'", "four_eyes.stages"),
        ("[four_eyes]\nexcept_categories = ['x']", "four_eyes.except_categories[0]"),
        ("[roles]\nx = 1", "roles.x"),
        ("[roles.x]\ntitel = 'x'", "roles.x.titel"),
        ("[roles.x]\ntitle = 1", "roles.x.title"),
        ("[roles.x]\nmay = 'send'", "roles.x.may"),
        ("[roles.x]\nmay = ['send']", "roles.x.may[0]"),
        ("[roles.x]\nmay = [{ kinds = ['otp'] }]", "roles.x.may[0].action"),
        ("[roles.x]\nmay = [{ action = 'sned' }]", "roles.x.may[0].action"),
        ("[roles.x]\nmay = [{ action = 'send', kind = ['otp'] }]", "roles.x.may[0].kind"),
        ("[roles.x]\nmay = [{ action = 'send', kinds = ['otp', 'x'] }]", "roles.x.may[0].kinds[1]"),
        ("[roles.x]\nmay = [{ action = 'send', max_recipients = '9' }]", "roles.x.may[0].max_recipients"),
        ("[roles.x]\nper_person_per_day = -1", "roles.x.per_person_per_day"),
    ],
)  # fmt: skip
def test_faults_name_their_key(tmp_path: Path, text: str, key: str) -> None:
    """A fault in the file is told by its whole path."""
    file = tmp_path / "access.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(InvalidValueError) as caught:
        load_access(file)
    assert key == caught.value.field
    assert f"access.toml: {key}" in caught.value.message


def test_log_line() -> None:
    """One line of JSON with codes and counts; a number that slipped into an id is masked."""
    actor = person("13900000001\n\u2028", "manager", tenant="a")
    resource = Resource(kind="notice", tenant="a", community="13900000002号院", recipients=300)
    resource = attrs.evolve(resource, approvals=(Approval(person("139 0000 0003")),))
    for decision in (authorize(actor, "send", resource), Allowed("manager")):
        line = log_line(actor, "send", resource, decision, now=NOW)
        assert len(line.splitlines()) == 1
        assert "00000" not in line
        entry = json.loads(line)
        assert (isinstance(decision, Allowed), 300) == (entry["allowed"], entry["recipients"])
        assert ("2026-11-23T02:00:00+00:00", "notice") == (entry["at"], entry["kind"])
    assert (
        json.loads(log_line(actor, "erase", None, Forbidden(Denial.OWN_PLAN), now=NOW))["reason"]
        == "own_plan"
    )
    with pytest.raises(InvalidValueError, match="aware"):
        log_line(actor, "send", None, Allowed("x"), now=NOW.replace(tzinfo=None))


RESOURCES = st.builds(
    Resource,
    kind=st.none() | st.sampled_from(MessageKind),
    category=st.none() | st.sampled_from(NoticeCategory),
    stage=st.none() | st.sampled_from(["upcoming", "reminder", "overdue", "final"]),
    recipients=st.integers(0, 30_000),
    planned_by=st.sampled_from(["", "s-1", "s-4"]),
)
ACTORS = st.builds(
    Actor,
    st.sampled_from(["s-1", "s-2"]),
    st.sets(st.sampled_from([*default_access().roles, "nobody"])),
)


@given(actor=ACTORS, resource=RESOURCES)
def test_fewer_recipients_are_never_worse(actor: Actor, resource: Resource) -> None:
    """Who may write to many may write to fewer; and final always takes two."""
    decision = authorize(actor, "send", resource)
    smaller = attrs.evolve(resource, recipients=resource.recipients // 2)
    if isinstance(decision, Allowed):
        assert isinstance(authorize(actor, "send", smaller), Allowed)
        assert not (resource.kind is MessageKind.DUNNING and resource.stage == "final")


@given(actor=ACTORS, resource=RESOURCES, more=st.sampled_from([*default_access().roles]))
def test_another_role_never_takes_away(actor: Actor, resource: Resource, more: str) -> None:
    """Roles add up."""
    if isinstance(authorize(actor, "send", resource), Allowed):
        richer = attrs.evolve(actor, roles=actor.roles | {more})
        assert isinstance(authorize(richer, "send", resource), Allowed)


@given(
    phone=phones(),
    spelled=st.sampled_from(["{}", "+86{}", "user-{}", "{}号", "{}@example.org"]),
    action=st.sampled_from([*Action, "send"]),
    recipients=st.integers(0, 9999),
)
def test_no_log_line_holds_a_number(
    phone: PhoneNumber, spelled: str, action: str, recipients: int
) -> None:
    """Whatever a host takes for an id, and whatever is decided, the line masks whole numbers."""
    name = spelled.format(phone.national)
    actor = Actor(name, ["manager"], tenant=name, communities=[name])
    resource = Resource(
        kind="notice",
        category="service",
        tenant=name,
        community=name,
        recipients=recipients,
        planned_by=name,
        approvals=(Approval(actor, name),),
    )
    decision = authorize(actor, action, resource)
    line = log_line(actor, action, resource, decision, now=NOW)
    assert phone.national not in line
    assert isinstance(json.loads(line)["allowed"], bool)


def test_caps_of_a_role_are_shared_by_its_people() -> None:
    """Two clerks draw on one cap; the next tenant has its own; a refund gives room again."""
    role = Role(name="desk", may=(Permission(action="send"),), per_role_per_day=5)
    policy = AccessPolicy(roles={"desk": role}, tenant_per_day=8)
    store = MemoryStore()

    def send(who: str, tenant: str, recipients: int) -> str | None:
        actor = Actor(who, ["desk"], tenant=tenant)
        resource = Resource(kind="notice", recipients=recipients, tenant=tenant)
        decision = authorize(actor, "send", resource, policy=policy)
        assert isinstance(decision, Allowed)
        caps = [
            Cap(cap.key, Limit(cap.name, cap.per_day, CalendarDay()), cap.cost)
            for cap in decision.caps
        ]
        answer = store.spend(caps, NOW)
        return answer.name if answer else None

    assert [None, None] == [send("s-1", "a", 3), send("s-2", "a", 2)]
    assert "role_day" == send("s-3", "a", 1)
    assert send("s-1", "b", 5) is None
