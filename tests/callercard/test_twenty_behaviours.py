"""The twenty behaviours that the design of the caller card states, with the same numbers."""

import json
import re
from datetime import UTC, date, datetime

import pytest

from propsms.callercard import (
    CallerCard,
    CallTally,
    CardNumber,
    answer_rate,
    flash_sms,
    format_for,
    ios_call_directory,
    lint_card,
    passport_json,
    plan_touch,
    rcd_claims,
    read_logo,
    read_vcard,
    sign_passport,
    to_jcard,
    to_vcard,
    verify_passport,
)
from propsms.errors import InvalidValueError
from propsms.phone import parse

from .conftest import make_bmp, make_jpeg, make_png

TODAY = date(2026, 3, 2)

# RFC 8225 A.2: a published key, never for real use.
A2 = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8HNbQd/TmvCKwPKHkMF9fScavGeH
78YTU8qLS8I5HLHSSmlATLcslQMhNC/OhlWBYC626nIlo7XeebYS7Sb37g==
-----END PUBLIC KEY-----
"""
HEAD = "eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9jZXJ0LmV4YW1wbGUub3JnL3Bhc3Nwb3J0LmNlciJ9"
RFC_8225_7_1 = (
    f"{HEAD}.eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0sImlhdCI6IjE0NDMyMDgzNDUi"
    "LCJvcmlnIjp7InRuIjoiMTIxNTU1NTEyMTIifX0."
    "rq3pjT1hoRwakEGjHCnWSwUnshd0-zJ6F1VOgFWSjHBr8Qjpjlk-cpFYpFYsojNCpTzO3QfPOlckGaS6hEck7w"
)
RFC_8225_A = (
    f"{HEAD}.eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0sImlhdCI6MTQ3MTM3NTQxOCwi"
    "b3JpZyI6eyJ0biI6IjEyMTU1NTUxMjEyIn19."
    "VLBCIVDCaeK6M4hLJb6SHQvacAQVvoiiEOWQ_iUkqk79UD81fHQ0E1b3_GluIkba7UWYRM47ZbNFdOJquE35cw"
)


def codes(card: CallerCard, profile: str = "generic") -> set[str]:
    return {finding.code for finding in lint_card(card, profile, TODAY)}


def number_codes(raw: str) -> set[str]:
    found = codes(CallerCard(display_name="某某物业", numbers=(CardNumber(raw),)))
    return {code for code in found if code.startswith("num.")}


def unfolded(text: str) -> list[str]:
    return text.replace("\r\n ", "").split("\r\n")


def test_01_a_line_of_120_octets_becomes_75_and_46() -> None:
    """No character is split; unfolding gives the original."""
    written = to_vcard(CallerCard(display_name="物" * 39))
    lines = written.split("\r\n")
    at = next(i for i, line in enumerate(lines) if line.startswith("FN:"))
    assert [75, 46] == [len(line.encode()) for line in lines[at : at + 2]]
    assert "FN:" + "物" * 39 in unfolded(written)


def test_02_75_octets_are_whole_and_76_are_not() -> None:
    """The boundary of folding."""
    for length, folds in ((72, 0), (73, 1)):
        lines = to_vcard(CallerCard(display_name="x" * length, legal_name="y")).split("\r\n")
        assert folds == sum(line.startswith(" ") for line in lines)


def test_03_escapes() -> None:
    """Commas, semicolons, line breaks and backslashes."""
    card = CallerCard(display_name="甲", note="收费, 报修; 前台\n电话\\")
    assert r"NOTE:收费\, 报修\; 前台\n电话\\" in unfolded(to_vcard(card))


def test_04_a_path_is_no_line_break() -> None:
    r"""``C:\\new`` is read back as ``C:\new``."""
    text = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:甲\r\nNOTE:C:\\\\new\r\nEND:VCARD\r\n"
    assert "C:\\new" == read_vcard(text).card.note


def test_05_a_name_cannot_bring_a_number() -> None:
    """Exactly one TEL property, and the finding."""
    card = CallerCard(display_name="物业\r\nTEL:110", numbers=(CardNumber("4000001234"),))
    assert 1 == len(re.findall(r"(?m)^TEL", to_vcard(card)))
    assert "name.control_char" in codes(card)


def test_06_a_unit_keeps_its_separators() -> None:
    """Escaped in a vCard, an array without backslashes in a jCard."""
    card = CallerCard(display_name="甲", legal_name="甲公司", department="客服,报修;收费")
    assert r"ORG:甲公司;客服\,报修\;收费" in unfolded(to_vcard(card))
    assert ["org", {}, "text", ["甲公司", "客服,报修;收费"]] in to_jcard(card)[1]


def test_07_a_jcard_begins_with_its_version() -> None:
    """A one-part org is a plain string; there is no begin and no end."""
    properties = to_jcard(CallerCard(display_name="甲", legal_name="甲公司"))[1]
    assert ["version", {}, "text", "4.0"] == properties[0]
    assert ["org", {}, "text", "甲公司"] in properties
    assert not {"begin", "end"} & {prop[0] for prop in properties}


def test_08_400_and_95_numbers() -> None:
    """A short number needs a context."""
    assert "tel:+864000001234" == CardNumber("400-000-1234").tel_uri
    assert "tel:95588;phone-context=+86" == CardNumber("95588").tel_uri


def test_09_an_extension() -> None:
    """In the URI; not in a PASSporT."""
    assert "tel:+8675520001234;ext=801" == CardNumber("0755-20001234 转 801").tel_uri
    assert "8675520001234" == format_for("passport", "0755-20001234 转 801")


def test_10_a_number_without_its_area_code() -> None:
    """Refused, and never shown as +8620001234."""
    card = CallerCard(display_name="甲", numbers=(CardNumber("20001234"),))
    assert {"num.area_code_missing"} == number_codes("20001234")
    assert "+8620001234" not in to_vcard(card) + json.dumps(to_jcard(card))


def test_11_prefixes_that_do_not_belong() -> None:
    """0755-95588 is not a fixed line; 04000001234 is a 400 number with a warning."""
    assert ("svc95", "svc400") == (CardNumber("0755-95588").kind, CardNumber("04000001234").kind)
    assert {"num.leading_zero_400"} == number_codes("04000001234")
    assert {"num.area_prefix_on_short_code"} == number_codes("0755-95588")


def test_12_numbers_that_cannot_stand_on_a_card() -> None:
    """Each with its own code."""
    found = [number_codes(raw) for raw in ("10086", "110", "106900000001234", "700000000001234")]
    expected = ["num.carrier_hotline", "num.emergency", "num.smsport", "num.privacy700"]
    assert [{code} for code in expected] == found


def test_13_claims_have_one_form() -> None:
    """Sorted, UTF-8, without spaces, whatever the order of the input."""
    card = CallerCard(
        display_name="某某物业",
        call_reason="维修",
        numbers=(CardNumber("4000001234"),),
        logo_url="https://example.com/a.png",
    )
    claims = rcd_claims(card, dest="13900000001", iat=1700000000)
    expected = (
        '{"crn":"维修","dest":{"tn":["8613900000001"]},"iat":1700000000,'
        '"orig":{"tn":"864000001234"},"rcd":{"icn":"https://example.com/a.png","nam":"某某物业"}}'
    )
    assert expected == passport_json(claims)
    assert expected == passport_json(dict(reversed(claims.items())))


@pytest.mark.parametrize("rcd", [{}, {"nam": " "}, {"nam": "甲", "icn": "http://example.com/"}])
def test_14_bad_rcd_is_an_error_before_signing(rcd: dict[str, str], example_key: object) -> None:
    """Without nam, or with an icn that is not HTTPS."""
    claims = {"orig": {"tn": "1"}, "dest": {"tn": ["2"]}, "iat": 1, "rcd": rcd}
    with pytest.raises(InvalidValueError):
        sign_passport(claims, example_key, x5u="https://example.com/c.pem")  # type: ignore[arg-type]


def test_15_the_published_tokens() -> None:
    """One verifies, with an iat of the wrong type; the other does not verify."""
    good = verify_passport(RFC_8225_7_1, A2, now=None)
    assert good.signature_valid
    assert ("iat_not_integer",) == good.problems
    bad = verify_passport(RFC_8225_A, A2, now=None)
    assert not bad.signature_valid
    assert ("signature_invalid",) == bad.problems


def test_16_signatures_extensions_and_age(example_key: object) -> None:
    """A DER signature or an unknown ppt is rejected; 61 seconds are stale, 60 are fresh."""
    from base64 import urlsafe_b64encode

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    assert isinstance(example_key, ec.EllipticCurvePrivateKey)
    card = CallerCard(display_name="甲", numbers=(CardNumber("4000001234"),))
    claims = rcd_claims(card, dest="13900000001", iat=1700000000)
    token = sign_passport(claims, example_key, x5u="https://example.com/c.pem")
    public = example_key.public_key()

    def problems(token: str, seconds: int = 0, **options: object) -> tuple[str, ...]:
        now = datetime.fromtimestamp(1700000000 + seconds, UTC)
        return verify_passport(token, public, now=now, **options).problems  # type: ignore[arg-type]

    assert () == problems(token) == problems(token, 60)
    assert ("stale",) == problems(token, 61)
    assert ("ppt_unknown",) == problems(token, known_ppts=("shaken",))
    signed = token.rpartition(".")[0]
    der = example_key.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
    encoded = urlsafe_b64encode(der).rstrip(b"=").decode()
    assert ("signature_not_64_octets",) == problems(f"{signed}.{encoded}")


def test_17_a_call_directory() -> None:
    """Sorted as integers; one number with two labels is an error."""
    raws = ("13800000000", "0755-20001234", "400-000-1234")
    card = CallerCard(display_name="某某物业", numbers=tuple(map(CardNumber, raws)))
    assert [864000001234, 8613800000000, 8675520001234] == [
        number for number, _ in ios_call_directory([card]).entries
    ]
    other = CallerCard(display_name="某某家园", numbers=(CardNumber("4000001234"),))
    with pytest.raises(InvalidValueError, match=r"cards\[0\] and cards\[1\]"):
        ios_call_directory([card, other])


def test_18_logos() -> None:
    """A PNG of 256 passes rcd and fails Twilio; a JPEG is not as large as its thumbnail."""
    card = CallerCard(display_name="某某物业", logo=make_png(256, 256))
    assert not {code for code in codes(card, "rcd") if code.startswith("logo.")}
    assert "logo.format_not_allowed" in codes(card, "twilio_us_enhanced")
    bitmap = CallerCard(display_name="某某物业", logo=make_bmp(256, 256))
    assert not {c for c in codes(bitmap, "twilio_us_enhanced") if c.startswith("logo.")}
    thumbnail = make_jpeg(160, 120)
    logo = read_logo(make_jpeg(300, 200, progressive=True, exif=thumbnail))
    assert (300, 200, True, ()) == (logo.width, logo.height, logo.progressive, logo.problems)


def test_19_flash_sms() -> None:
    """70 characters are one with data coding 24; 69 and an emoji are two, and refused."""
    assert (24, 1) == flash_sms("字" * 70)[1::2]
    assert 2 == flash_sms("字" * 69 + "😀").segments
    card = CallerCard(display_name="字", service_type="客服")
    callee, at = parse("13900000001"), datetime(2026, 3, 2, 2, tzinfo=UTC)
    from propsms.callercard import TouchPolicy

    fits = plan_touch(card, callee, at, TouchPolicy(text="{name}{reason}" + "字" * 67))
    assert fits.allowed
    long = plan_touch(card, callee, at, TouchPolicy(text="{name}{reason}" + "字" * 66 + "😀"))
    assert ("flash.too_long",) == tuple(finding.code for finding in long.findings)


def test_20_answer_rates() -> None:
    """48 of 120, 81 of 135: 40.0 %, 60.0 %, 20.0 points, 7.7 to 31.5; none under 30 calls."""
    found = answer_rate(CallTally(120, 48), CallTally(135, 81))
    assert found.difference is not None
    assert found.interval is not None
    shown = [found.before.rate, found.after.rate, found.difference, *found.interval]
    assert ["40.0", "60.0", "20.0", "7.7", "31.5"] == [f"{100 * x:.1f}" for x in shown if x]
    assert answer_rate(CallTally(29, 20), CallTally(135, 81)).difference is None
