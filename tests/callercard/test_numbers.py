"""The numbers of a card: every trap, and that nothing uncertain gets an international form."""

import pytest
from hypothesis import given, strategies as st

from propsms._callercard.numbers import read_number
from propsms.callercard import CardNumber, CardNumberKind as Kind


@pytest.mark.parametrize(
    ("raw", "kind", "e164", "ext", "problems"),
    [
        ("20001234", Kind.FIXED, None, None, ["num.area_code_missing"]),
        ("2000123", Kind.FIXED, None, None, ["num.area_code_missing"]),
        ("0755-95588", Kind.SVC95, None, None, ["num.area_prefix_on_short_code"]),
        ("95588", Kind.SVC95, None, None, []),
        ("955888", Kind.SVC95, None, None, []),
        ("0755-96000", Kind.SVC96, None, None, []),
        ("04000001234", Kind.SVC400, "+864000001234", None, ["num.leading_zero_400"]),
        ("400-000-1234", Kind.SVC400, "+864000001234", None, []),
        ("+86 400 000 1234", Kind.SVC400, "+864000001234", None, []),
        ("400-000-1234-801", Kind.SVC400, "+864000001234", "801", []),
        ("0755-20001234-8001", Kind.FIXED, "+8675520001234", "8001", []),
        ("(0755) 20001234", Kind.FIXED, "+8675520001234", None, []),
        ("0755-20001234 转 801", Kind.FIXED, "+8675520001234", "801", []),
        ("０７５５－２０００１２３４（分机８０１）", Kind.FIXED, "+8675520001234", "801", []),
        ("0755-20001234 ext. 801", Kind.FIXED, "+8675520001234", "801", []),
        ("0755-20001234#801", Kind.FIXED, "+8675520001234", "801", []),
        ("010-20001234", Kind.FIXED, "+861020001234", None, []),
        ("106900000001234", Kind.SMSPORT, None, None, ["num.smsport"]),
        ("700000000001234", Kind.PRIVACY700, None, None, ["num.privacy700"]),
        ("10086", Kind.CARRIER, None, None, ["num.carrier_hotline"]),
        ("110", Kind.EMERGENCY, None, None, ["num.emergency"]),
        ("12345", Kind.PUBLIC, None, None, ["num.public_hotline"]),
        ("114", Kind.PUBLIC, None, None, ["num.public_hotline"]),
        ("16200000000", Kind.MOBILE, "+8616200000000", None, []),
        ("0086 13900000001", Kind.MOBILE, "+8613900000001", None, []),
        ("8613900000001", Kind.MOBILE, "+8613900000001", None, []),
        ("800-810-0001", Kind.SVC800, "+868008100001", None, []),
        ("+1 212 555 0123", Kind.OTHER, "+12125550123", None, []),
        ("电话", Kind.OTHER, None, None, ["num.invalid"]),
        ("", Kind.OTHER, None, None, ["num.invalid"]),
        ("转801", Kind.OTHER, None, None, ["num.invalid"]),
    ],
)
def test_trap(
    raw: str, kind: Kind, e164: str | None, ext: str | None, problems: list[str]
) -> None:
    """Each row of the trap table, and the spellings that offices use."""
    number = CardNumber(raw)
    assert (kind, e164, ext) == (number.kind, number.e164, number.ext)
    assert problems == list(number.reading.problems)


@pytest.mark.parametrize(
    ("raw", "uri"),
    [
        ("400-000-1234", "tel:+864000001234"),
        ("95588", "tel:95588;phone-context=+86"),
        ("0755-96000", "tel:96000;phone-context=+86755"),
        ("0755-20001234 转 801", "tel:+8675520001234;ext=801"),
        ("20001234", None),
        ("10086", None),
    ],
)
def test_tel_uri(raw: str, uri: str | None) -> None:
    """RFC 3966: short codes need a context, extensions are a parameter."""
    assert uri == CardNumber(raw).tel_uri


def test_parts_of_a_fixed_line() -> None:
    """The area code keeps its zero; the digits are as dialled at home."""
    number = CardNumber("0755-20001234-8001")
    assert ("0755", "075520001234") == (number.area, number.digits)
    assert "021" == CardNumber("021-20001234").area


def test_reprs_are_masked() -> None:
    """A log that shows a card shows no whole number."""
    number = CardNumber("13900000001", "客服")
    assert "13900000001" not in repr(number) + repr(number.reading)


@given(raw=st.one_of(st.text(), st.text(st.sampled_from("0123456789+-()转x# ４"), max_size=24)))
def test_any_text_is_read(raw: str) -> None:
    """A number field takes anything; what has no problem has a certain form."""
    reading = read_number(raw)
    if reading.e164 is None and not reading.problems:
        assert reading.kind in {Kind.SVC95, Kind.SVC96}
    if reading.e164 is not None:
        assert reading.e164[1:].isascii()
        assert reading.e164[1:].isdigit()


def test_a_number_without_quotes_is_not_repeated() -> None:
    """TOML reads it as a whole number; the error must not show it."""
    with pytest.raises(
        TypeError, match="raw must be a str, got int; write the number in quotes"
    ) as caught:
        CardNumber(13900000001)  # type: ignore[arg-type]
    assert "13900000001" not in str(caught.value)
