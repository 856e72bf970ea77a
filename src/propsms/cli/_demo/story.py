"""What the chapters share: where they show, keep and send; and the day that is told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from propsms.cli._demo.ledger import Entry, Ledger
from propsms.cli._demo.screen import Screen
from propsms.errors import ProviderError
from propsms.sending_hours import shanghai_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date, datetime

    from propsms.clients import Client
    from propsms.messages import OutboundMessage
    from propsms.templates import TemplateLibrary

__all__ = ["Story"]


@attrs.frozen
class Story:
    """One client, one library, one instant at which the clock stands still."""

    client: Client
    library: TemplateLibrary
    now: datetime
    screen: Screen = attrs.field(factory=Screen)
    ledger: Ledger = attrs.field(factory=Ledger)

    @property
    def day(self) -> date:
        """The day that is told of."""
        return shanghai_day(self.now)

    def send_one(self, chapter: str, message: OutboundMessage) -> None:
        """Send one message and keep what became of it."""
        entry = Entry(chapter, "", template=message.template, phone=message.to.masked)
        try:
            outcome = self.client.send(message)
        except ProviderError as error:
            self.ledger.add(attrs.evolve(entry, result="refused", reason=error.code))
        else:
            self.ledger.add_outcome(entry, outcome)

    def send_all(
        self, pairs: Iterable[tuple[Entry, OutboundMessage]], on_progress: Callable[[int], None]
    ) -> None:
        """Send many, in batches, and keep what became of each."""
        waiting: dict[str, Entry] = {}

        def remembered() -> Iterator[OutboundMessage]:
            for entry, message in pairs:
                waiting[message.reference] = entry
                yield message

        for done, outcome in enumerate(self.client.send_many(remembered()), 1):
            self.ledger.add_outcome(waiting.pop(outcome.reference), outcome)
            on_progress(done)
