"""The caller card among the other rooms: what it loads, and the SMS after a call, sent."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from propsms import Client, catalog
from propsms.callercard import CallOutcome, CallResult, Touch, TouchHistory, after_call
from propsms.messages import Accepted
from propsms.phone import parse
from propsms.providers import Outbox

AT = datetime(2026, 3, 2, 2, tzinfo=UTC)


def test_the_room_opens_without_its_extras() -> None:
    """Neither the network, nor phone metadata, nor an extra is loaded by the import."""
    script = (
        "import sys, propsms.callercard as c\n"
        "c.to_vcard(c.CallerCard(display_name='甲', numbers=[c.CardNumber('95588')]))\n"
        "heavy = {'httpx', 'tenacity', 'phonenumbers', 'segno', 'cryptography', 'vobject'}\n"
        "print(heavy & set(sys.modules))"
    )
    run = [sys.executable, "-X", "utf8", "-c", script]
    assert (
        "set()" == subprocess.run(run, capture_output=True, check=True, text=True).stdout.strip()
    )


@pytest.mark.parametrize("result", [CallResult.NO_ANSWER, CallResult.BUSY])
def test_the_sms_after_a_call_is_sent_once(result: CallResult) -> None:
    """Decided here, its text in the catalog, sent by a client; then there is no second one."""
    resident = parse("13900000001")
    outcome = CallOutcome(resident, AT, result, call_id="c-1")
    values = {"matter": "水管维修回访", "phone": "4000001234"}
    first = after_call(outcome, values=values)
    assert first.message is not None
    library = catalog.load("service", signature="阳光物业")
    with Outbox(":memory:") as box, Client(box, library=library, clock=lambda: AT) as client:
        sent = client.send(first.message)
    assert isinstance(sent, Accepted)
    assert "call-c-1" == sent.reference
    history = TouchHistory(touches=[Touch(resident, AT, "after_call")])
    assert after_call(outcome, history=history, values=values).message is None
