"""Claims, their canonical form, and tokens signed with ES256."""

import hashlib
import hmac
import json
import re
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, strategies as st

from propsms.callercard import (
    CallerCard,
    CardNumber,
    passport_json,
    rcd_claims,
    sign_passport,
    verify_passport,
)
from propsms.errors import InvalidValueError, MissingExtraError

NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)
X5U = "https://cert.example.org/passport.cer"
CARD = CallerCard(display_name="某某物业", numbers=(CardNumber("4000001234"),))

# Claims as printed in the RFCs, their missing commas repaired.
PRINTED = {
    "rfc8225_5.2.1.4_a": '{"dest":{"uri":["sip:alice@example.com"]},"iat":1443208345,'
    '"orig":{"tn":"12155551212"}}',
    "rfc8225_5.2.1.4_b": '{"dest":{"tn":["12125551212"],"uri":["sip:alice@example.com",'
    '"sip:bob@example.net"]},"iat":1443208345,"orig":{"tn":"12155551212"}}',
    "rfc8225_8.2_header": '{"alg":"ES256","ppt":"foo","typ":"passport",'
    '"x5u":"https://tel.example.org/passport.cer"}',
    "rfc8225_9.1": '{"dest":{"uri":["sip:alice@example.com"]},"iat":1443208345,"mky":['
    '{"alg":"sha-256","dig":"021ACC5427ABEB9C533F3E4B652E7D463F5442CD54F17A03A27DF9B07F4619B2"},'
    '{"alg":"sha-256","dig":"4AADB9B13F82183B540212DF3E5D496B19E57CAB3E4B652E7D463F5442CD54F1"}'
    '],"orig":{"tn":"12155551212"}}',
    "rfc8588_6": '{"attest":"A","dest":{"tn":["12155550131"]},"iat":1443208345,'
    '"orig":{"tn":"12155550121"},"origid":"123e4567-e89b-12d3-a456-426655440000"}',
}


@pytest.mark.parametrize("name", PRINTED)
def test_the_printed_forms(name: str) -> None:
    """Shuffled, they come back as the RFC prints them."""
    claims = json.loads(PRINTED[name])
    assert PRINTED[name] == passport_json(dict(reversed(claims.items())))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abü"), inner, max_size=3),
    max_leaves=8,
)


@given(claims=st.dictionaries(st.text("abcü"), json_values), order=st.randoms())
def test_one_form_for_any_order(claims: dict[str, Any], order: Any) -> None:
    """The same claims give the same octets, and parse to the same claims."""
    items = list(claims.items())
    order.shuffle(items)
    assert passport_json(claims) == passport_json(dict(items))
    assert claims == json.loads(passport_json(claims))


def nested(depth: int) -> dict[str, Any]:
    inner: Any = 1
    for _ in range(depth):
        inner = [inner]
    return {"a": inner}


@pytest.mark.parametrize(
    "claims",
    [
        {"iat": 1.0},
        {"a": [{"b": (2.5,)}]},
        {"a": {1, 2}},
        {"a": float("nan")},
        {"a": "\ud800"},
        {"a": {10: 1, 9: 2}},
        {"dest": {"tn": [1, "2"]}},
        nested(100_000),
        {"rcd": 1},
        {"rcd": {"nam": 3}},
    ],
)
def test_what_has_no_canonical_form(claims: dict[str, Any]) -> None:
    """Floats, sets, halves of characters, keys that are no texts, rcd without a name."""
    with pytest.raises(InvalidValueError):
        passport_json(claims)


def test_a_dest_of_another_shape_is_left_alone() -> None:
    """Writing judges no claims but rcd."""
    assert '{"dest":[2,1]}' == passport_json({"dest": [2, 1]})
    assert '{"dest":{"tn":"2"}}' == passport_json({"dest": {"tn": "2"}})


def test_all_claims() -> None:
    """Name, icon, link to the card, reason, both sorts of callee sorted, instants as seconds."""
    card = CallerCard(
        display_name="某某物业", call_reason="维修", logo_url="https://example.com/标.png"
    )
    claims = rcd_claims(
        card,
        orig="0755-20001234 转 801",
        dest=["13900000001", CardNumber("+12125550123"), "sip:b@example.com", "sip:a@example.com"],
        iat=NOW,
        jcard_url="https://example.com/card.json",
    )
    assert claims == {
        "crn": "维修",
        "dest": {
            "tn": ["12125550123", "8613900000001"],
            "uri": ["sip:a@example.com", "sip:b@example.com"],
        },
        "iat": int(NOW.timestamp()),
        "orig": {"tn": "8675520001234"},
        "rcd": {
            "icn": "https://example.com/%E6%A0%87.png",
            "jcl": "https://example.com/card.json",
            "nam": "某某物业",
        },
    }
    inside = rcd_claims(CARD, dest="13900000001", iat=1, jcard=True)
    assert "vcard" == inside["rcd"]["jcd"][0]


@pytest.mark.parametrize(
    "arguments",
    [
        {"card": CallerCard(display_name=" ", numbers=CARD.numbers)},
        {"card": CallerCard(display_name="甲")},
        {"card": CallerCard(display_name="甲", logo_url="http://a", numbers=CARD.numbers)},
        {"jcard": True, "jcard_url": "https://example.com/"},
        {"jcard_url": "http://example.com/"},
        {"dest": []},
        {"dest": "95588"},
        {"orig": "20001234"},
        {"iat": NOW.replace(tzinfo=None)},
    ],
)
def test_claims_that_cannot_be(arguments: dict[str, Any]) -> None:
    """Each is refused before anything is signed."""
    usual: dict[str, Any] = {"card": CARD, "dest": "13900000001", "iat": 1}
    given_ = {**usual, **arguments}
    with pytest.raises(InvalidValueError):
        rcd_claims(given_.pop("card"), **given_)


def rfc_6979(scalar: int, message: bytes) -> tuple[int, int]:
    """Deterministic ECDSA on P-256 with SHA-256, from the RFC, without the library."""
    p = 2**256 - 2**224 + 2**192 + 2**96 - 1
    a = p - 3
    q = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    g = (
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    )

    def add(one: tuple[int, int] | None, two: tuple[int, int] | None) -> tuple[int, int] | None:
        if one is None or two is None:
            return one or two
        if one[0] == two[0]:
            if (one[1] + two[1]) % p == 0:
                return None
            slope = (3 * one[0] ** 2 + a) * pow(2 * one[1], -1, p)
        else:
            slope = (two[1] - one[1]) * pow(two[0] - one[0], -1, p)
        x = (slope**2 - one[0] - two[0]) % p
        return x, (slope * (one[0] - x) - one[1]) % p

    def times(k: int) -> tuple[int, int]:
        total, point = None, g
        while k:
            if k & 1:
                total = add(total, point)
            point = add(point, point)  # type: ignore[assignment]
            k >>= 1
        assert total is not None
        return total

    h = hashlib.sha256(message).digest()
    z = int.from_bytes(h, "big")
    octets = scalar.to_bytes(32, "big") + (z % q).to_bytes(32, "big")
    v, k = b"\1" * 32, b"\0" * 32
    for mark in (b"\0", b"\1"):
        k = hmac.digest(k, v + mark + octets, "sha256")
        v = hmac.digest(k, v, "sha256")
    v = hmac.digest(k, v, "sha256")
    nonce = int.from_bytes(v, "big")
    assert 0 < nonce < q
    r = times(nonce)[0] % q
    return r, pow(nonce, -1, q) * (z + r * scalar) % q


def test_an_independent_rfc_6979_agrees(example_key: ec.EllipticCurvePrivateKey) -> None:
    """Sign twice, the same token; another computation of the standard finds the same."""
    claims = rcd_claims(CARD, dest="13900000001", iat=1700000000)
    token = sign_passport(claims, example_key, x5u=X5U)
    assert token == sign_passport(claims, example_key, x5u=X5U)
    signed, _, signature = token.rpartition(".")
    r, s = rfc_6979(example_key.private_numbers().private_value, signed.encode())
    expected = urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).rstrip(b"=")
    assert expected.decode() == signature
    header = json.loads(urlsafe_b64decode(signed.split(".")[0] + "=="))
    assert {"alg": "ES256", "ppt": "rcd", "typ": "passport", "x5u": X5U} == header


def test_a_random_signature_verifies_too(example_key: ec.EllipticCurvePrivateKey) -> None:
    """Deterministic by choice; keys may be PEM; plain claims carry no ppt."""
    claims = {"orig": {"tn": "1215"}, "dest": {"uri": ["sip:a@example.com"]}, "iat": 1700000000}
    pem = example_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    tokens = {sign_passport(claims, pem.decode(), x5u=X5U, deterministic=False) for _ in "12"}
    assert 2 == len(tokens)
    public = example_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for token in tokens:
        check = verify_passport(token, public, now=datetime.fromtimestamp(1700000000, UTC))
        assert check.ok
        assert claims == check.claims
        assert "ppt" not in check.header


def test_bad_keys(example_key: ec.EllipticCurvePrivateKey) -> None:
    """No PEM, or another curve; the message holds no key."""
    claims = rcd_claims(CARD, dest="13900000001", iat=1)
    other = ec.generate_private_key(ec.SECP384R1())
    for key in ("-----BEGIN PRIVATE KEY-----", other, 3):
        with pytest.raises(InvalidValueError, match="private_key"):
            sign_passport(claims, key, x5u=X5U)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="public_key"):
        verify_passport("a.b.c", other.public_key(), now=None)
    with pytest.raises(InvalidValueError, match="x5u"):
        sign_passport(claims, example_key, x5u="http://example.com/")
    with pytest.raises(InvalidValueError, match="iat_not_integer"):
        sign_passport({**claims, "iat": "1"}, example_key, x5u=X5U)


def made(header: object, claims: object, signature: bytes = bytes(64)) -> str:
    parts = [json.dumps(part).encode() for part in (header, claims)]
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in (*parts, signature))


GOOD_HEADER = {"alg": "ES256", "typ": "passport", "x5u": X5U}
GOOD = {"orig": {"tn": "1"}, "dest": {"tn": ["2"]}, "iat": int(NOW.timestamp())}


@pytest.mark.parametrize(
    ("header", "claims", "problem"),
    [
        ({**GOOD_HEADER, "alg": "none"}, GOOD, "alg_not_es256"),
        ({**GOOD_HEADER, "typ": "JWT"}, GOOD, "typ_not_passport"),
        ({"alg": "ES256", "typ": "passport"}, GOOD, "x5u_missing"),
        ({**GOOD_HEADER, "x5u": "http://cert.example.org/"}, GOOD, "x5u_not_https"),
        ({**GOOD_HEADER, "x5u": [X5U]}, GOOD, "x5u_not_https"),
        ({**GOOD_HEADER, "ppt": ["rcd"]}, GOOD, "ppt_unknown"),
        ({**GOOD_HEADER, "ppt": "shaken"}, GOOD, "ppt_unknown"),
        (GOOD_HEADER, {**GOOD, "iat": True}, "iat_not_integer"),
        (GOOD_HEADER, {**GOOD, "iat": 10**400}, "iat_in_future"),
        (GOOD_HEADER, {**GOOD, "iat": 0}, "stale"),
        (GOOD_HEADER, {**GOOD, "orig": {"tn": ["1"]}}, "orig_invalid"),
        (GOOD_HEADER, {**GOOD, "orig": {"tn": "1", "uri": "sip:a"}}, "orig_invalid"),
        (GOOD_HEADER, {**GOOD, "orig": {"tn": "+1"}}, "orig_invalid"),
        (GOOD_HEADER, {**GOOD, "orig": {"fax": "1"}}, "orig_invalid"),
        (GOOD_HEADER, {**GOOD, "orig": {}}, "orig_invalid"),
        (GOOD_HEADER, {**GOOD, "dest": {"tn": "2"}}, "dest_invalid"),
        (GOOD_HEADER, {**GOOD, "dest": {"tn": []}}, "dest_invalid"),
        (GOOD_HEADER, {**GOOD, "dest": {"uri": ["x"]}}, "dest_invalid"),
        (GOOD_HEADER, {**GOOD, "dest": 1}, "dest_invalid"),
        (GOOD_HEADER, {**GOOD, "rcd": {}}, "rcd_nam_missing"),
        (GOOD_HEADER, {**GOOD, "rcd": {"nam": "a", "icn": "data:"}}, "icn_not_https"),
    ],
)
def test_problems(
    header: object, claims: object, problem: str, example_key: ec.EllipticCurvePrivateKey
) -> None:
    """Each is told beside the signature that does not verify."""
    known = frozenset({"rcd"})
    public = example_key.public_key()
    check = verify_passport(made(header, claims), public, now=NOW, known_ppts=known)
    assert {problem, "signature_invalid"} == set(check.problems)
    assert not check.ok


@pytest.mark.parametrize(
    "token",
    ["", "a.b", "a.b.c.d", "a.b.c", "é.b.c", made([], GOOD), made(GOOD_HEADER, 1),
     made(GOOD_HEADER, GOOD) + "=", "W1tb.e30.e30", "e30.e30.!",
     made(GOOD_HEADER, GOOD)[:-1] + "B", "e30.__57ACIAaQBhAHQA.e30"],
)  # fmt: skip
def test_what_is_no_token(token: str, example_key: ec.EllipticCurvePrivateKey) -> None:
    """An answer, not an error."""
    check = verify_passport(token, example_key.public_key(), now=NOW)
    assert (False, ("malformed",)) == (check.signature_valid, check.problems)


@given(token=st.text(st.sampled_from("eyJhbGciOiJ.{}-_="), max_size=60))
def test_any_text_is_checked(token: str) -> None:
    """Never an exception."""
    key = ec.derive_private_key(1, ec.SECP256R1()).public_key()
    assert not verify_passport(token, key, now=NOW, max_age=timedelta(1)).ok


def test_a_token_has_one_spelling(example_key: ec.EllipticCurvePrivateKey) -> None:
    """The spare bits of the last character are zero, so nobody can pass it off as another."""
    claims = rcd_claims(CARD, dest="13900000001", iat=NOW)
    token = sign_passport(claims, example_key, x5u=X5U)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    answers = [verify_passport(token[:-1] + x, example_key.public_key(), now=NOW) for x in letters]
    assert [token[-1]] == [x for x, answer in zip(letters, answers, strict=True) if answer.ok]


def test_a_naive_now_is_refused(example_key: ec.EllipticCurvePrivateKey) -> None:
    """Nobody can tell which instant it is."""
    with pytest.raises(InvalidValueError):
        verify_passport("", example_key.public_key(), now=NOW.replace(tzinfo=None))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error gives the command that installs it."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    with pytest.raises(MissingExtraError, match=r"propsms\[passport\]"):
        verify_passport("", "", now=None)


def test_the_repr_shows_no_callee(example_key: ec.EllipticCurvePrivateKey) -> None:
    """Claims hold numbers."""
    token = made(GOOD_HEADER, {**GOOD, "dest": {"tn": ["8613900000001"]}})
    assert "13900000001" not in repr(verify_passport(token, example_key.public_key(), now=NOW))


@given(name=st.text(min_size=1), reason=st.none() | st.text(), path=st.text())
def test_any_card_has_claims(name: str, reason: str | None, path: str) -> None:
    """Canonical JSON that parses to the claims; a blank name is refused."""
    card = CallerCard(
        display_name=name,
        call_reason=reason,
        logo_url=f"https://example.com/{path}",
        numbers=CARD.numbers,
    )
    if not re.sub("[\x00-\x08\x0e-\x1f\x7f-\x9f]", "", name).strip():
        with pytest.raises(InvalidValueError, match="nam"):
            rcd_claims(card, dest="13900000001", iat=1)
        return
    claims = rcd_claims(card, dest="13900000001", iat=1, jcard=True)
    assert claims == json.loads(passport_json(claims))
