"""China Mobile 云MAS: a JSON text in Base64 with an md5 of its fields. Provisional.

The public clients speak plain HTTP and put the secret into the body. That is refused here: give
the HTTPS address that your carrier assigned, or a tunnel on loopback. There is no field for our
key, and the format of receipts could not be read.

Source: dromara/SMS4J (``MasUtils``) and overtrue/easy-sms (``YidongmasblackGateway``); read
2026-11-23.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._adapters import (
    Endpoint,
    Status,
    domestic,
    fields_of,
    outcomes,
    refusal,
    require_batch,
    required,
    secret,
    shared,
    text_of,
)
from propsms._checks import require_aware
from propsms._codes import load_codes
from propsms._signing import compact_json
from propsms.errors import InvalidValueError
from propsms.messages import Accepted
from propsms.wire import BatchRule, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from propsms.messages import Outcome
    from propsms.wire import HttpResponse, WireMessage

__all__ = ["Cmas"]

_RULE: Final = BatchRule(5000, same_params=True, same_signature=True)


@attrs.frozen
class Cmas:
    """云MAS for one enterprise.

    Attributes:
        ec_name: The enterprise's name.
        ap_id: The interface account.
        secret_key: Its secret; never shown.
        sign: The code of the sender signature, or one for each signature.
        endpoint: The HTTPS address that the carrier assigned; ``http://`` only to loopback.
        add_serial: The extension of the sender's port.
        by_template: Send the template id and its values rather than the whole text.
        secret_in_body: Whether the secret goes into the body, as the carrier's sample has it; one
            public client leaves it out.
        name: What outcomes and template ids call this provider.
    """

    ec_name: str = attrs.field(validator=secret)
    ap_id: str = attrs.field(validator=secret)
    secret_key: str = attrs.field(validator=secret, repr=False)
    sign: str | Mapping[str, str] = attrs.field(kw_only=True, hash=False)
    endpoint: str = attrs.field(kw_only=True)
    add_serial: str = attrs.field(default="", kw_only=True)
    by_template: bool = attrs.field(default=False, kw_only=True)
    secret_in_body: bool = attrs.field(default=True, kw_only=True)
    name: str = attrs.field(default="cmas", kw_only=True)
    _to: Endpoint = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(lambda self: Endpoint.of(self.endpoint), takes_self=True),
    )

    batches = (_RULE,)
    STATUS = Status(
        does=("send", "batch"),
        verified="two public clients, which agree on the digest",
        verified_zh="两个公开客户端（摘要算法一致）",
        provisional="all of it; no document of the carrier could be read, receipts are not parsed",
        provisional_zh="全部；未能读到运营商文档，不解析回执",
    )

    @property
    def needs_template_id(self) -> bool:
        """False while whole texts are sent."""
        return self.by_template

    def build_request(
        self,
        messages: Sequence[WireMessage],
        *,
        now: datetime,
        nonce: str,  # noqa: ARG002
    ) -> HttpRequest:
        """One text to up to 5000 numbers.

        Raises:
            InvalidValueError: None or too many messages, or they differ in more than the number,
                or the signature has no code.
        """
        require_aware(now)
        require_batch(self.name, messages, _RULE.max_messages)
        signature = shared(self.name, "signature", [message.signature for message in messages])
        mobiles = ",".join(domestic(message.to).removeprefix("+") for message in messages)
        fields = {"ecName": self.ec_name, "apId": self.ap_id, "secretKey": self.secret_key}
        if self.by_template:
            values = shared(self.name, "params", [message.params for message in messages])
            params = compact_json([value for _, value in values] or [""])
            fields |= {"templateId": messages[0].template_id, "mobiles": mobiles, "params": params}
        else:
            text = shared(self.name, "text", [message.text for message in messages])
            fields |= {"mobiles": mobiles, "content": text.removeprefix(f"【{signature}】")}
        fields |= {"sign": self._code(signature), "addSerial": self.add_serial}
        digest = hashlib.md5("".join(fields.values()).encode(), usedforsecurity=False)
        fields["mac"] = digest.hexdigest()  # the carrier's scheme
        if not self.secret_in_body:
            del fields["secretKey"]
        path = "/sms/tmpsubmit" if self.by_template else "/sms/norsubmit"
        body = base64.b64encode(json.dumps(fields, ensure_ascii=False).encode())
        headers = {"host": self._to.host, "content-type": "application/json"}
        return HttpRequest("POST", f"{self._to.url}{path}", headers, body)

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """One outcome each; accepted means that the request as a whole was."""

        def read(data: Any) -> list[Outcome]:
            reply = fields_of(data)
            code, done = required(reply["rspcod"]), reply["success"]
            if code == "success" and done is not True and done != "true":
                raise TypeError("success and no success")
            return [self._outcome(message, code, reply) for message in messages]

        return outcomes(self.name, messages, response, read)

    def _outcome(self, message: WireMessage, code: str, reply: Mapping[str, Any]) -> Outcome:
        if code == "success":
            group = required(reply["msgGroup"])
            return Accepted(message.reference, self.name, group, whole_request=True)
        detail = text_of(reply.get("msgGroup")) or code
        return refusal(self.name, load_codes("cmas"), message, code, detail)

    def _code(self, signature: str) -> str:
        if isinstance(self.sign, str):
            return self.sign
        if signature not in self.sign:
            raise InvalidValueError(
                f"sign has no code for the signature {signature!r}; add it",
                f"sign 中没有签名 {signature!r} 的编码，请补上",
                field="sign",
            )
        return self.sign[signature]
