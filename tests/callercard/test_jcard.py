"""A card as a jCard: arrays instead of escapes, version first, no begin and no end."""

import json

from hypothesis import given, strategies as st

from propsms.callercard import CallerCard, CardNumber, to_jcard

CARD = CallerCard(
    display_name="某某物业",
    legal_name="某某物业服务有限公司",
    service_type="客服",
    numbers=(CardNumber("400-000-1234"),),
    logo_url="https://example.com/logo-256x256.png",
)


def test_the_whole_of_it() -> None:
    """The form of RFC 7095: name, parameters, type, values."""
    assert to_jcard(CARD) == [
        "vcard",
        [
            ["version", {}, "text", "4.0"],
            ["kind", {}, "text", "org"],
            ["fn", {}, "text", "某某物业"],
            ["org", {}, "text", "某某物业服务有限公司"],
            ["tel", {"type": "work", "pref": "1"}, "uri", "tel:+864000001234"],
            ["categories", {}, "text", "客服", "物业管理"],
            ["logo", {}, "uri", "https://example.com/logo-256x256.png"],
            ["uid", {}, "uri", CARD.uid.urn],
        ],
    ]


def test_a_structured_value_is_an_array_without_backslashes() -> None:
    """The parts of an organisation and of an address are nested arrays."""
    card = CallerCard(display_name="甲", department="客服,报修;收费", address="某路 1 号")
    props = {prop[0]: prop for prop in to_jcard(card)[1]}
    assert ["org", {}, "text", ["甲", "客服,报修;收费"]] == props["org"]
    assert ["adr", {}, "text", ["", "", "某路 1 号", "", "", "", ""]] == props["adr"]


@given(name=st.text(), note=st.text(), department=st.text())
def test_any_text_is_json(name: str, note: str, department: str) -> None:
    """Whatever a person typed, the card survives JSON in UTF-8, VERSION first."""
    card = CallerCard(display_name=name, note=note, department=department)
    made = to_jcard(card)
    assert made == json.loads(json.dumps(made, ensure_ascii=False).encode())
    assert ["version", {}, "text", "4.0"] == made[1][0]
    assert not {"begin", "end"} & {prop[0] for prop in made[1]}
    assert all("value" not in prop[1] for prop in made[1])
