"""The caller card (来电名片): what people see when the property company calls.

No registry in mainland China is known to offer a public API that registers a card, so this room
submits nothing. It makes a file that is right the first time: a card for the owner's address
book, the forms that registries and standards want, and the checks before any of them.

Sources: RFC 6350 (vCard 4.0), RFC 7095 (jCard), RFC 3966 (tel URI).
"""

from __future__ import annotations

from propsms._callercard.jcard import to_jcard
from propsms._callercard.model import SERVICE_TYPES, CallerCard, CardNumber, Document
from propsms._callercard.numbers import CardNumberKind
from propsms._callercard.vcard import to_vcard

__all__ = [
    "SERVICE_TYPES",
    "CallerCard",
    "CardNumber",
    "CardNumberKind",
    "Document",
    "to_jcard",
    "to_vcard",
]
