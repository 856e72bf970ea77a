"""A made-up provider that carries numbers in the URL, to drive the gateway with."""

from __future__ import annotations

import hmac
import json
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import attrs

from propsms._checks import require_aware
from propsms.messages import Accepted, Outcome, RefusalReason, Refused, Retry, Unknown
from propsms.wire import BatchRule, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from propsms.wire import WireMessage

SECRET = "acme-secret-0123456789"
REFUSALS = {
    "THROTTLED": (RefusalReason.THROTTLED, Retry.NOW),
    "AUTH": (RefusalReason.AUTH_FAILED, Retry.NEVER),
    "BALANCE": (RefusalReason.INSUFFICIENT_BALANCE, Retry.NEVER),
}


@attrs.frozen
class Acme:
    """Sends to *url*."""

    url: str
    secret: str = attrs.field(default=SECRET, repr=False)
    name: str = "acme"
    batches: tuple[BatchRule, ...] = (BatchRule(100), BatchRule(200, same_params=True))
    needs_template_id: bool = False

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """Numbers and our key in the query, the messages in the body."""
        require_aware(now)
        query = urlencode(
            {
                "numbers": ",".join(m.to.e164 for m in messages),
                "reference": messages[0].reference,
                "nonce": nonce,
                "at": now.isoformat(),
            }
        )
        lines = [
            {"reference": m.reference, "to": m.to.e164, "text": m.text, "params": m.params}
            for m in messages
        ]
        body = json.dumps({"messages": lines}).encode()
        mac = hmac.digest(self.secret.encode(), query.encode() + body, "sha256").hex()
        headers = {"content-type": "application/json", "acme-key": self.secret, "acme-mac": mac}
        return HttpRequest("POST", f"{self.url}?{query}", headers, body)

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """A line for each message, or one code for all."""
        try:
            reply = response.json()
            code = str(reply["code"])
            if code != "OK":
                wait = timedelta(seconds=int(response.header("retry-after", "0")))
                return [self._refused(m, code, wait) for m in messages]
            if response.status != 200:
                return [Unknown(m.reference, self.name, f"{response.status}") for m in messages]
            ids = {line["reference"]: line["id"] for line in reply["results"]}
            return [Accepted(m.reference, self.name, ids[m.reference]) for m in messages]
        except (ValueError, LookupError, TypeError) as error:
            cause = f"HTTP {response.status}: {type(error).__name__}"
            return [Unknown(m.reference, self.name, cause) for m in messages]

    def _refused(self, message: WireMessage, code: str, wait: timedelta) -> Outcome:
        if code not in REFUSALS:
            return Unknown(message.reference, self.name, code)
        reason, retry = REFUSALS[code]
        return Refused(message.reference, self.name, reason, code, "", retry, wait or None)
