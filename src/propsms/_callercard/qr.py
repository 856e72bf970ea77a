"""A card as a QR code for a notice board: the contact itself, or the address where it lies.

Needs the extra ``qr`` (segno). Source: ISO/IEC 18004 (2,331 octets at error level M).
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Literal

import attrs

from propsms._callercard.properties import clean_uri
from propsms._callercard.vcard import to_vcard
from propsms._checks import extra
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from propsms._callercard.model import CallerCard

__all__ = ["to_qr"]


def to_qr(
    card: CallerCard,
    *,
    url: str | None = None,
    kind: Literal["svg", "png"] = "svg",
    error: Literal["L", "M", "Q", "H"] = "M",
    scale: int = 8,
) -> bytes:
    """Draw the QR code of *card*.

    Args:
        card: Written as a vCard 3.0 without logo and note, which the oldest phones read.
        url: Where the card is published; then the code holds that alone, and scans from afar.
        kind: The format of the picture.
        error: How much of the code may be spoilt and still be read.
        scale: Pixels (or units) per module, 1 to 100.

    Raises:
        InvalidValueError: The card is too long for one code, so give *url* instead; or *url* is no
            address of the web.
        MissingExtraError: The extra ``qr`` is not installed.

    .. versionadded:: 0.1.0
    """
    with extra("qr", "segno", "a QR code", "二维码"):
        import segno  # noqa: PLC0415
    _check(kind, error, scale)
    if url and not url.lower().startswith(("https://", "http://")):
        raise InvalidValueError(
            "url must begin with https:// or http://",
            "url 须以 https:// 或 http:// 开头",
            field="url",
        )
    text = (
        clean_uri(url) if url else to_vcard(attrs.evolve(card, note=None), "none", version="3.0")
    )
    try:
        code: Any = segno.make_qr(text, error=error, encoding="utf-8", boost_error=False)
    except segno.DataOverflowError as overflow:
        raise InvalidValueError(
            f"the card has {len(text.encode())} octets, too many for one QR code; give url instead",
            f"名片有 {len(text.encode())} 字节，一个二维码放不下；请改用 url",
            field="card",
        ) from overflow
    out = io.BytesIO()
    code.save(out, kind=kind, scale=scale)
    return out.getvalue()


def _check(kind: str, error: str, scale: int) -> None:
    if kind not in {"svg", "png"} or error not in {"L", "M", "Q", "H"} or not 1 <= scale <= 100:
        raise InvalidValueError(
            f"kind must be svg or png, error L, M, Q or H, scale 1 to 100, "
            f"got {kind!r}, {error!r}, {scale!r}",
            f"kind 须为 svg 或 png，error 须为 L、M、Q、H，scale 须为 1 到 100，"
            f"现为 {kind!r}、{error!r}、{scale!r}",
            field="kind",
        )
