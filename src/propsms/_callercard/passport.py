"""Rich call data: the claims of a call, their canonical JSON, and a signed PASSporT.

Signing needs the extra ``passport`` (cryptography). A token that verifies here proves only that
its key signed it: nobody trusts it without a certificate from an approved authority, and no
Chinese trust anchor is known.

Sources: RFC 8225 §4 to §9 (PASSporT, ES256, canonical form), RFC 8224 §4.1, §6.2 and §8.3
(freshness, digits), RFC 9795 (claims rcd and crn, by its abstract), RFC 7518 §3.4 (64 octets).
"""

from __future__ import annotations

import json
import math
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from propsms._callercard.jcard import to_jcard
from propsms._callercard.model import CardNumber
from propsms._callercard.properties import clean, clean_uri
from propsms._checks import extra, require_aware
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric import ec

    from propsms._callercard.model import CallerCard

__all__ = [
    "PassportCheck",
    "passport_json",
    "rcd_claims",
    "sign_passport",
    "verify_passport",
]

_MAX_AGE: Final = timedelta(seconds=60)


def rcd_claims(
    card: CallerCard,
    *,
    dest: CardNumber | str | Sequence[CardNumber | str],
    iat: int | datetime,
    orig: CardNumber | str | None = None,
    jcard: bool = False,
    jcard_url: str | None = None,
) -> dict[str, Any]:
    """Make the claims of one call by the company.

    Args:
        card: Its display name, call reason and logo address become ``nam``, ``crn``, ``icn``.
        dest: Whom it calls: numbers, or URIs such as ``sip:alice@example.com``.
        iat: When, as an aware instant or in whole seconds since 1970.
        orig: The number it calls from; None takes the card's first.
        jcard: Whether to put the whole card inside, as ``jcd``.
        jcard_url: Where the card is published, over HTTPS, as ``jcl``.

    Raises:
        InvalidValueError: The name is blank, an address is not HTTPS, a number has no
            international form, or both forms of the card are asked for.

    >>> from propsms.callercard import CallerCard, CardNumber
    >>> card = CallerCard(display_name="某某物业", numbers=(CardNumber("4000001234"),))
    >>> passport_json(rcd_claims(card, dest="+8613900000001", iat=1700000000))[:42]
    '{"dest":{"tn":["8613900000001"]},"iat":170'

    .. versionadded:: 0.1.0
    """
    if not (name := clean(card.display_name)).strip():
        raise _wrong(
            "display_name must not be blank: rcd needs nam",
            "display_name 不能为空：rcd 必须有 nam",
            "display_name",
        )
    if jcard and jcard_url:
        raise _wrong("give jcard or jcard_url, not both", "jcard 与 jcard_url 只能取一", "jcard")
    if orig is None and not card.numbers:
        raise _wrong("orig is needed: the card has no number", "名片没有号码，须给出 orig", "orig")
    rcd: dict[str, Any] = {"nam": name}
    if card.logo_url:
        rcd["icn"] = _https(card.logo_url, "logo_url")
    if jcard_url:
        rcd["jcl"] = _https(jcard_url, "jcard_url")
    if jcard:
        rcd["jcd"] = to_jcard(card)
    caller = {"tn": _telephone(orig if orig is not None else card.numbers[0])}
    claims = {"dest": _destinations(dest), "iat": _seconds(iat), "orig": caller, "rcd": rcd}
    return {"crn": clean(card.call_reason), **claims} if card.call_reason else claims


def _wrong(message: str, message_zh: str, field: str) -> InvalidValueError:
    return InvalidValueError(message, message_zh, field=field)


def _https(url: str, field: str) -> str:
    if not url.lower().startswith("https://"):
        raise _wrong(f"{field} must begin with https://", f"{field} 必须以 https:// 开头", field)
    return clean_uri(url)


def _telephone(number: CardNumber | str) -> str:
    number = CardNumber(number) if isinstance(number, str) else number
    if not number.e164:
        raise _wrong(
            "a number without an international form cannot be in a PASSporT; check it",
            "没有国际格式的号码不能写入 PASSporT，请核对",
            "number",
        )
    return number.e164[1:]


def _destinations(dest: CardNumber | str | Sequence[CardNumber | str]) -> dict[str, list[str]]:
    many = (dest,) if isinstance(dest, (str, CardNumber)) else dest
    uris = [item for item in many if isinstance(item, str) and re.match(r"(?i)sips?:", item)]
    numbers = [_telephone(item) for item in many if item not in uris]
    found = {"tn": sorted(numbers), "uri": sorted(uris)}
    if not uris and not numbers:
        raise _wrong("dest must hold at least one callee", "dest 至少要有一个被叫", "dest")
    return {name: values for name, values in found.items() if values}


def _seconds(iat: int | datetime) -> int:
    if isinstance(iat, datetime):
        require_aware(iat, "iat")
        return int(iat.timestamp())
    return iat


def passport_json(claims: Mapping[str, Any]) -> str:
    """Write claims in the canonical form: keys sorted at every level, no spaces, plain UTF-8.

    Raises:
        InvalidValueError: There is a float, or something that is no JSON, a key that is no text,
            or `rcd` without ``nam``, or with an ``icn`` that is not HTTPS.

    >>> passport_json({"iat": 1700000000, "dest": {"uri": ["sip:b@x", "sip:a@x"]}})
    '{"dest":{"uri":["sip:a@x","sip:b@x"]},"iat":1700000000}'

    .. versionadded:: 0.1.0
    """
    if problems := _rcd_problems(claims):
        raise _wrong(
            f"the claims are not valid: {problems[0]}", f"声明无效：{problems[0]}", problems[0]
        )
    try:
        ordered = {**claims, "dest": _sorted_dest(claims["dest"])} if "dest" in claims else claims
        _refuse_what_has_no_form(ordered)
        text = json.dumps(ordered, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        text.encode()  # half a surrogate pair has no UTF-8
    except InvalidValueError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise _wrong(
            f"the claims are no JSON: {error}", f"声明不是 JSON：{error}", "claims"
        ) from error
    return text


def _sorted_dest(dest: Any) -> Any:
    if not isinstance(dest, dict):
        return dest
    groups = cast("dict[str, Any]", dest)
    return {
        name: sorted(cast("Any", v)) if isinstance(v, list) else v for name, v in groups.items()
    }


def _refuse_what_has_no_form(value: Any) -> None:
    """Floats have no one spelling, and keys that are no texts would be sorted before they are."""
    if isinstance(value, float):
        raise _wrong(
            f"numbers must be whole, got {value}", f"数字须为整数，现为 {value}", "claims"
        )
    keys = list(cast("dict[object, Any]", value)) if isinstance(value, dict) else []
    if odd := [key for key in keys if not isinstance(key, str)]:
        raise _wrong(
            f"keys must be texts, got {odd[0]!r}", f"键须为文字，现为 {odd[0]!r}", "claims"
        )
    parts: Any = cast("Any", value).values() if isinstance(value, dict) else value
    if isinstance(value, (dict, list, tuple)):
        for part in parts:
            _refuse_what_has_no_form(part)


def sign_passport(
    claims: Mapping[str, Any],
    private_key: bytes | str | ec.EllipticCurvePrivateKey,
    *,
    x5u: str,
    deterministic: bool = True,
) -> str:
    """Sign claims with ES256 and return the token.

    Args:
        claims: As `rcd_claims` makes them.
        private_key: A key on P-256, as PEM or as a key of `cryptography`.
        x5u: The HTTPS address of the certificate.
        deterministic: Whether the same claims give the same token (RFC 6979), which RFC 8225
            §4.2 recommends; False draws a random number.

    Raises:
        InvalidValueError: The claims or the address are not valid, or the key is not on P-256.
        MissingExtraError: The extra ``passport`` is not installed.

    .. versionadded:: 0.1.0
    """
    ec, hashes, utils = _crypto()
    key = _private(private_key)
    header = {"alg": "ES256", "typ": "passport", "x5u": _https(x5u, "x5u")}
    if "rcd" in claims or "crn" in claims:
        header["ppt"] = "rcd"
    if problems := _claim_problems(claims):
        raise _wrong(
            f"the claims are not valid: {problems[0]}", f"声明无效：{problems[0]}", "claims"
        )
    signed = f"{_encode(passport_json(header).encode())}.{_encode(passport_json(claims).encode())}"
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=deterministic)
    r, s = utils.decode_dss_signature(key.sign(signed.encode(), algorithm))
    return f"{signed}.{_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


@attrs.frozen
class PassportCheck:
    """What a token turned out to be.

    Attributes:
        signature_valid: Whether the key signed it.
        problems: Codes of all that is wrong, such as ``stale`` or ``iat_not_integer``.
        header: Its header; empty if it cannot be read.
        claims: Its claims; empty if they cannot be read.

    .. versionadded:: 0.1.0
    """

    signature_valid: bool
    problems: tuple[str, ...]
    header: dict[str, Any]
    claims: dict[str, Any] = attrs.field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether it is signed by the key and nothing is wrong with it."""
        return self.signature_valid and not self.problems


def verify_passport(
    token: str,
    public_key: bytes | str | ec.EllipticCurvePublicKey,
    *,
    now: datetime | None,
    max_age: timedelta = _MAX_AGE,
    known_ppts: Collection[str] = ("rcd",),
) -> PassportCheck:
    """Check a token; whatever it holds, the answer is a value.

    Args:
        token: The token as it came.
        public_key: The key of the certificate, as PEM or as a key of `cryptography`.
        now: The instant of the check; None leaves freshness out.
        max_age: How old it may be, to either side; exactly that old is fresh.
        known_ppts: Extensions that the caller understands; any other must fail.

    Raises:
        InvalidValueError: *now* is naive, or the key is not on P-256.
        MissingExtraError: The extra ``passport`` is not installed.

    .. versionadded:: 0.1.0
    """
    if now is not None:
        require_aware(now)
    key = _public(public_key)
    parts = token.split(".")
    if len(parts) != 3 or not token.isascii():
        return PassportCheck(signature_valid=False, problems=("malformed",), header={}, claims={})
    header, claims = _decode_object(parts[0]), _decode_object(parts[1])
    signature = _decode(parts[2])
    if header is None or claims is None or signature is None:
        return PassportCheck(
            signature_valid=False,
            problems=("malformed",),
            header=header or {},
            claims=claims or {},
        )
    problems = [*_header_problems(header, known_ppts), *_claim_problems(claims)]
    valid = False
    if len(signature) != 64:
        problems.append("signature_not_64_octets")
    elif not (valid := _verifies(key, signature, f"{parts[0]}.{parts[1]}".encode())):
        problems.append("signature_invalid")
    if now is not None:
        problems += _age_problems(claims.get("iat"), now, max_age)
    return PassportCheck(valid, tuple(problems), header, claims)


def _header_problems(header: dict[str, Any], known_ppts: Collection[str]) -> list[str]:
    found: list[str] = []
    if header.get("alg") != "ES256":
        found.append("alg_not_es256")
    if header.get("typ") != "passport":
        found.append("typ_not_passport")
    if "ppt" in header and header["ppt"] not in list(known_ppts):  # it may be of any type
        found.append("ppt_unknown")
    if "x5u" not in header:
        found.append("x5u_missing")
    elif not str(header["x5u"]).lower().startswith("https://"):
        found.append("x5u_not_https")
    return found


def _claim_problems(claims: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    if type(claims.get("iat")) is not int:
        found.append("iat_not_integer")
    orig, dest = claims.get("orig"), claims.get("dest")
    if not isinstance(orig, dict) or not _is_party(cast("dict[str, Any]", orig), single=True):
        found.append("orig_invalid")
    if not isinstance(dest, dict) or not _is_party(cast("dict[str, Any]", dest), single=False):
        found.append("dest_invalid")
    return [*found, *_rcd_problems(claims)]


def _is_party(party: dict[str, Any], *, single: bool) -> bool:
    """One orig, or lists of dest; a telephone number is digits, ``#`` and ``*`` only."""
    if not party or not party.keys() <= {"tn", "uri"} or (single and len(party) != 1):
        return False
    for name, given in party.items():
        if isinstance(given, list) == single:
            return False
        values: list[Any] = cast("Any", given) if isinstance(given, list) else [given]
        if not values or not all(_is_identity(name, value) for value in values):
            return False
    return True


def _is_identity(name: str, value: object) -> bool:
    pattern = r"[0-9#*]{1,15}" if name == "tn" else r"[A-Za-z][A-Za-z0-9+.-]*:.+"
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _rcd_problems(claims: Mapping[str, Any]) -> list[str]:
    if "rcd" not in claims:
        return []
    given: Any = claims["rcd"]
    rcd = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    name = rcd.get("nam")
    if not isinstance(name, str) or not name.strip():
        return ["rcd_nam_missing"]
    icon = rcd.get("icn")
    if icon is not None and not str(icon).lower().startswith("https://"):
        return ["icn_not_https"]
    return []


def _age_problems(iat: object, now: datetime, max_age: timedelta) -> list[str]:
    if type(iat) is not int:
        return []
    seconds = math.floor(now.timestamp())  # whole numbers: an iat may be of any size
    limit = math.floor(max_age.total_seconds())
    if seconds - iat > limit:
        return ["stale"]
    return ["iat_in_future"] if iat - seconds > limit else []


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes | None:
    if re.fullmatch(r"[A-Za-z0-9_-]*", text) is None or len(text) % 4 == 1:
        return None
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return data if _encode(data) == text else None  # spare bits would give one token two spellings


def _decode_object(text: str) -> dict[str, Any] | None:
    data = _decode(text)
    try:
        value: Any = json.loads(data.decode()) if data is not None else None
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _crypto() -> tuple[Any, Any, Any]:
    with extra("passport", "cryptography", "signing", "签名"):
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415
    return ec, hashes, utils


def _private(key: bytes | str | ec.EllipticCurvePrivateKey) -> Any:
    return _loaded(key, "load_pem_private_key", "private_key", password=None)


def _public(key: bytes | str | ec.EllipticCurvePublicKey) -> Any:
    return _loaded(key, "load_pem_public_key", "public_key")


def _loaded(key: Any, loader: str, field: str, **options: Any) -> Any:
    ec, _, _ = _crypto()
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415  an extra

    if isinstance(key, (bytes, str)):
        pem = key.encode() if isinstance(key, str) else key
        try:
            key = getattr(serialization, loader)(pem, **options)
        except (ValueError, TypeError) as error:
            raise _wrong(f"{field} is no PEM key", f"{field} 不是 PEM 密钥", field) from error
    if not isinstance(getattr(key, "curve", None), ec.SECP256R1):
        raise _wrong(f"{field} must be on P-256", f"{field} 必须是 P-256 密钥", field)
    return key


def _verifies(key: Any, signature: bytes, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  an extra

    ec, hashes, utils = _crypto()
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
