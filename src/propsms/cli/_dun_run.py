"""A run in a folder: the plan, the sign-off, the journal, the outbox and the report."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs
import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from propsms import catalog
from propsms.cli._speech import say
from propsms.clients import Client
from propsms.dunning import Account, Channel, DunningPolicy, PolicyBook, Reason, html_report
from propsms.errors import InvalidValueError, StoreError
from propsms.flows import CollectionRun, Inbox
from propsms.flows._history import with_histories
from propsms.flows._run_plan import HELD
from propsms.providers import Outbox
from propsms.sending_hours import SHANGHAI
from propsms.stores import SQLiteJournal
from propsms.templates import load_library

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from datetime import date
    from decimal import Decimal
    from pathlib import Path

    from propsms.flows._run_plan import CollectionPlan
    from propsms.flows._runs import RunReport
    from propsms.templates import TemplateLibrary

__all__ = ["Folder", "is_begun", "said_of_held", "tell", "tracked", "what_to_mend"]

T = TypeVar("T")

_WORKER: Final = "propsms dun"
_ASKED: Final = 500
"""Accounts that the journal is asked of at once."""
_SHOWN: Final = 5
"""Values at fault that are printed; the sign-off page and the tasks have more."""


@attrs.frozen
class Folder:
    """Where a company's runs live; the same folder knows what was sent before.

    Attributes:
        path: The folder, made when first written to.
        accounts: The accounts of the file.
        now: The instant to act at.
        policy: The rules.
        library: A company's texts, or None for the catalog's.
        signature: The sender signature.
        phone: The number of the office.
        price: Of one segment, in yuan, or None.
    """

    path: Path
    accounts: Sequence[Account]
    now: datetime
    policy: DunningPolicy | PolicyBook
    library: Path | None = None
    signature: str = ""
    phone: str = ""
    price: Decimal | None = None

    @property
    def name(self) -> str:
        """The name of the run of the day."""
        return f"dun-{self.day.isoformat()}"

    @property
    def day(self) -> date:
        """The Shanghai day."""
        return self.now.astimezone(SHANGHAI).date()

    def plan(self, run: CollectionRun) -> CollectionPlan:
        """Plan, and take over a sign-off of exactly this plan."""
        made = run.plan(tracked(self.accounts, say("计划", "planning")), now=self.now)
        signed = self._signed()
        if signed.get("hash") == made.hash:
            at = datetime.fromisoformat(signed["signed_at"])
            return made.sign(by=signed["signed_by"], at=at)
        return made

    @contextmanager
    def alone(self) -> Generator[None]:
        """Let no other command act in the folder; one that is killed lets go of it.

        The journal's lease cannot tell: it runs out by the clock, and ``--at`` stands still.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path / "lock.db", timeout=0)) as lock:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                raise StoreError(
                    f"{self.path} is in use by another propsms dun, or cannot be written; wait "
                    f"for it to end, or choose another folder ({error})",
                    f"{self.path} 正由另一个 propsms dun 使用，或无法写入；请等其结束，或换一个文件夹"
                    f"（{error}）",
                ) from error
            yield

    def open(self) -> tuple[CollectionRun, SQLiteJournal, Outbox]:
        """The run with its journal and outbox; close both."""
        self.path.mkdir(parents=True, exist_ok=True)
        texts = (
            load_library(self.library)
            if self.library
            else catalog.load(signature=self.signature or None)
        )
        journal = SQLiteJournal(self.path / "journal.db")
        box = Outbox(self.path / "outbox.db")
        client = Client(box, library=texts, clock=lambda: self.now)
        accounts = {account.id: account for account in self.accounts}
        return self.run(client, journal, texts, accounts), journal, box

    def run(
        self,
        client: Client,
        journal: SQLiteJournal,
        texts: TemplateLibrary,
        accounts: Mapping[str, Account],
    ) -> CollectionRun:
        """The run of the day, which somebody must sign."""
        return CollectionRun(
            client=client,
            journal=journal,
            library=texts,
            accounts=accounts,
            name=self.name,
            policy=by_sms(self.policy),
            phone=self.phone,
            price=self.price,
            must_be_signed=True,
            clock=lambda: self.now,
            worker=_WORKER,
        )

    def write_plan(self, plan: CollectionPlan) -> list[Path]:
        """The plan for machines, what people should do, and the page to sign."""
        return [
            self._write("plan.json", plan.json_lines()),
            self._write("plan.csv", chain("\ufeff", plan.csv_lines())),
            self._write("tasks.csv", chain("\ufeff", plan.tasks.csv_lines())),
            self._write("sign-off.md", [plan.to_markdown()]),
            self._write("sign-off.html", [plan.to_html()]),
        ]

    def sign(self, plan: CollectionPlan, by: str) -> CollectionPlan:
        """Keep who signed exactly this plan."""
        signed = plan.sign(by=by, at=self.now)
        told = {"hash": signed.hash, "signed_by": by, "signed_at": self.now.isoformat()}
        self._write("signed.json", [json.dumps(told, ensure_ascii=False)])
        return signed

    def send(self, run: CollectionRun, plan: CollectionPlan | None) -> RunReport:
        """Commit a plan, or go on with the run, under a progress bar."""
        total = len(plan.notices) if plan is not None else run.report().planned
        with _progress() as bar:
            task = bar.add_task(say("发送", "sending"), total=total)

            def moved(done: int) -> None:
                bar.update(task, completed=done)

            if plan is None:
                return run.resume(on_progress=moved)
            return run.commit(plan, on_progress=moved)

    def fetch_receipts(self, journal: SQLiteJournal, box: Outbox) -> None:
        """Take in the delivery receipts that the outbox plays back."""
        inbox = Inbox(box, journal, clock=lambda: self.now)
        box.play(inbox.receive, now=self.now + timedelta(minutes=10))

    def report(self, journal: SQLiteJournal) -> Path:
        """A page with charts, the journal's notices taken in."""
        known: list[Account] = []
        waiting = iter(self.accounts)
        while part := [(account, ()) for account in islice(waiting, _ASKED)]:
            known += with_histories(part, journal, now=self.now, tenant="")
        page = html_report(known, as_of=self.day, history=month_ends(self.day))
        return self._write("report.html", [page])

    def _signed(self) -> dict[str, str]:
        path = self.path / "signed.json"
        try:
            found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
            return {key: str(found[key]) for key in found}
        except (ValueError, TypeError) as error:
            raise InvalidValueError(
                f"{path} is damaged; delete it and sign the plan again with --sign-off",
                f"{path} 已损坏；请删除它，再用 --sign-off 重新签批",
                field="signed.json",
            ) from error

    def _write(self, name: str, lines: Iterable[str]) -> Path:
        self.path.mkdir(parents=True, exist_ok=True)
        path = self.path / name
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
        return path


def month_ends(day: date, months: int = 12) -> list[date]:
    """The last days of the months before, and the day itself, the earliest first."""
    found, first = [day], day.replace(day=1)
    while len(found) < months:
        last = first - timedelta(days=1)
        found.append(last)
        first = last.replace(day=1)
    return found[::-1]


def by_sms(policy: DunningPolicy | PolicyBook) -> DunningPolicy | PolicyBook:
    """The same rules where SMS is the only channel at hand."""
    if isinstance(policy, PolicyBook):
        return PolicyBook(
            _sms(policy.company),
            {name: _sms(rules) for name, rules in policy.communities.items()},
            {name: _sms(rules) for name, rules in policy.segments.items()},
            {name: _sms(rules) for name, rules in policy.accounts.items()},
        )
    return _sms(policy)


def _sms(policy: DunningPolicy) -> DunningPolicy:
    only = (Channel.SMS,)
    return attrs.evolve(policy, channels=only, elderly_channels=only)


def _progress() -> Progress:
    """A bar on stderr that goes when it is done, so that stdout can be piped."""
    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def tracked(items: Iterable[T], description: str) -> Iterator[T]:
    """The items, under a bar on a terminal; of a file nobody knows how many there are."""
    with _progress() as bar:
        yield from bar.track(items, description=description)


def what_to_mend(run: CollectionRun, plan: CollectionPlan) -> list[str]:
    """The first accounts whose text cannot be filled, and which value is at fault."""
    first = plan.misfits[0]
    if first.variable == "phone" and not run.phone:
        lacking = say("缺少物业电话，请加 --phone", "the office's number is missing: add --phone")
        return [f"{first.account}: {lacking}"]
    return [f"{one.account}: {say(one.message_zh, one.message)}" for one in plan.misfits[:_SHOWN]]


def said_of_held(code: str) -> str:
    """Why a run cannot send a notice that may go."""
    return say(*HELD.get(code, (code, code)))


_DROPPED: Final = {
    "ACCOUNT_GONE": ("账单表里已没有这一户。", "The file has this account no more."),
    "CHANGED": ("阶段、金额或号码已变，须重新计划。", "Stage, sum or number changed; plan again."),
    "CANCELLED": ("已撤回。", "It was withdrawn."),
}


def _why(code: str) -> str:
    """What a code of a run means, in words; a provider's refusal speaks for itself."""
    if code in Reason.__members__:
        return say(Reason(code).zh, Reason(code).en)
    return say(*_DROPPED.get(code, ("", "")))


def is_begun(report: RunReport) -> bool:
    """True if anything of the run was written down, or taken back just now."""
    counts = (report.accepted, report.refused, report.unknown, report.planned)
    return any(counts) or report.cancelled.total() > 0


def tell(report: RunReport) -> None:
    """Print what a run came to."""
    click.echo(
        say(
            f"{report.run}：已接收 {report.accepted}，被拒绝 {report.refused}，"
            f"未知 {report.unknown}，待发 {report.planned}，重复 {report.duplicates}。",
            f"{report.run}: accepted {report.accepted}, refused {report.refused}, "
            f"unknown {report.unknown}, planned {report.planned}, "
            f"duplicates {report.duplicates}.",
        )
    )
    for code, count in sorted((report.cancelled + report.refusals).items()):
        click.echo(f"  {code}: {count} {_why(code)}".rstrip())
    if report.unknown:
        click.echo(
            say(
                "  未知的可能已经送达，不会自动重发；等回执，或向服务商查询。",
                "  What is unknown may have arrived and is not sent again by itself; wait for "
                "receipts or ask the provider.",
            )
        )
    for code in report.reasons:
        reason = Reason(code)
        said = say(f"{reason.zh}{reason.next_zh}", f"{reason.en} {reason.next_en}")
        click.echo(say(f"未执行：{code} {said}", f"not done: {code} {said}"))
