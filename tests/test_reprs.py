"""What stands in no repr: numbers, codes, keys and the texts that hold them, in any value of ours."""

import inspect
import pkgutil
import re
from importlib import import_module
from typing import Any

import attrs
import pytest

import propsms
from propsms.phone import parse

NUMBER = "19900000001"
HIDDEN = "must-not-be-seen"

# Fields that hold a key, or a value that may be a code or a number: they are not shown at all.
SECRET = re.compile(
    r"(secret|password|token|apikey|(secret|private|index)_keys?|push_keys|digest|sealed|binding)$"
    r"|^(values|params|payload|body|claims|others|text|code|secret_access_key)$"
)
OTHER_SECRETS = {"Payer.name", "RecipientRow.name", "BillRow.owner", "EvidenceRecord.facts"}
# Fields for somebody else's words, or a number as a text: shown with numbers masked.
WORDS = re.compile(r"^(detail|cause|raw_text|raw|address|e164|digits|phone|opted_out)$")
# What bears such a name and is meant to be read.
PLAIN = {
    *("Approval.digest", "Resource.digest"),  # of a plan, for the one who signs it
    *("Template.text", "ProviderText.text", "Edit.text", "TouchPolicy.text"),  # without values
    *("Finding.code", "Rule.code", "RowFault.code", "OutboxMessage.code", "Refused.code"),
    *("Magic.code", "Step.code"),  # words of ours or of a provider
    *("Rows.code", "Rows.detail"),  # names of fields in a provider's reply
    *("Property.values", "Property.params"),  # of a vCard, which is public
    *("CallerCard.address", "Folder.phone", "CollectionRun.phone"),  # the company's own
    *("CollectionRun.values", "Rule.values", "Series.values"),
    "_Limits.address",  # caps, no address
    "_Counted.text",  # what the command was given to count
    "Entry.phone",  # masked already: the demo writes it into its report
    "NotTaken.cause",  # the transport's words, which know no number
}


def _sensitive(cls: type[Any], field: "attrs.Attribute[Any]") -> bool:
    path = f"{cls.__name__}.{field.name}"
    if path in PLAIN or not re.search("str|bytes|Mapping|PhoneNumber", str(field.type)):
        return False
    secret = SECRET.search(field.name) or path in OTHER_SECRETS
    return bool(secret or WORDS.search(field.name) or "PhoneNumber" in str(field.type))


def _classes() -> list[type[Any]]:
    """Also of private modules: error trackers show the locals of every frame."""
    found: set[type[Any]] = set()
    for module in pkgutil.walk_packages(propsms.__path__, "propsms."):
        if module.name == "propsms.testing.plugin":  # pytest wants to load it itself
            continue
        for _, cls in inspect.getmembers(import_module(module.name), inspect.isclass):
            if cls.__module__.startswith("propsms") and attrs.has(cls):
                found.add(cls)
    return sorted(found, key=lambda cls: (cls.__module__, cls.__name__))


HOLDERS = [
    (cls, field) for cls in _classes() for field in attrs.fields(cls) if _sensitive(cls, field)
]


def _filling(field: "attrs.Attribute[Any]") -> object:
    kind = str(field.type)
    if "PhoneNumber" in kind and "frozenset" not in kind:
        return parse(NUMBER)
    if not WORDS.search(field.name):
        return {HIDDEN: HIDDEN} if "Mapping" in kind else HIDDEN
    said = f"refused {NUMBER}"
    value = frozenset({said}) if "frozenset" in kind else said
    return field.converter(value) if callable(field.converter) else value


@pytest.mark.parametrize(
    ("cls", "field"), HOLDERS, ids=[f"{cls.__name__}.{field.name}" for cls, field in HOLDERS]
)
def test_no_repr_gives_it_away(cls: type[Any], field: "attrs.Attribute[Any]") -> None:
    """Whatever the field holds, no form of the value shows it; the other fields are empty."""
    value = cls.__new__(cls)  # without the validators, which want a whole value
    for other in attrs.fields(cls):
        object.__setattr__(value, other.name, "")
    object.__setattr__(value, field.name, _filling(field))
    for shown in (repr(value), str(value), format(value)):
        assert HIDDEN not in shown
        assert NUMBER not in shown


def test_the_walk_finds_the_holders() -> None:
    """A change of names must not empty the test above."""
    found = {f"{cls.__name__}.{field.name}" for cls, field in HOLDERS}
    assert found >= {
        *("Aliyun.access_key_secret", "Yunpian.apikey", "Twilio.auth_token"),
        *("Issued.code", "OutboundMessage.values", "WireMessage.text", "Reply.text"),
        *("OutboundMessage.to", "Refused.detail", "Unknown.cause", "Challenge.digest"),
        *("RecipientRow.phone", "Payer.name", "CardNumber.raw", "Intent.payload"),
    }
    there = {f"{cls.__name__}.{field.name}" for cls in _classes() for field in attrs.fields(cls)}
    assert there >= PLAIN | OTHER_SECRETS
