"""The gateways of two clouds, each of which serves several products: SMS, voice.

A product differs by its host, version and actions; how a call is signed is the gateway's.

Source: signature V3 as alibabacloud-tea-openapi 0.4.6 sends it; TC3-HMAC-SHA256 as
tencentcloud-sdk-python-common 3.1.195 sends it; read 2026-11-23.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._adapters import Endpoint, utc
from propsms._signing import (
    canonical_request,
    compact_json,
    escaped_json,
    form,
    hmac_sha256,
    query,
    sha256_hex,
)
from propsms.wire import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["AliyunApi", "TencentApi"]

_ACS3: Final = "ACS3-HMAC-SHA256"
_TC3: Final = "TC3-HMAC-SHA256"


@attrs.frozen(kw_only=True)
class AliyunApi:
    """One product of Aliyun, called by one key; signature V3 over all headers and the body."""

    key_id: str
    secret: str = attrs.field(repr=False)
    token: str | None = attrs.field(repr=False)
    to: Endpoint
    version: str

    def call(
        self,
        action: str,
        fields: Mapping[str, Any],
        body: Mapping[str, Any] | None = None,
        *,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Sign a call whose *fields* travel in the query and whose *body* is a form."""
        text, payload = query(_present(fields)), form(_present(body)) if body else b""
        headers = self._headers(action, now, nonce, payload)
        canonical, names = canonical_request(
            "POST", "/", text, headers.items(), headers["x-acs-content-sha256"]
        )
        to_sign = f"{_ACS3}\n{sha256_hex(canonical.encode())}"
        signature = hmac_sha256(self.secret.encode(), to_sign).hex()
        headers["authorization"] = (
            f"{_ACS3} Credential={self.key_id},SignedHeaders={names},Signature={signature}"
        )
        url = f"{self.to.url}/?{text}" if text else f"{self.to.url}/"
        return HttpRequest("POST", url, headers, payload)

    def _headers(self, action: str, now: datetime, nonce: str, payload: bytes) -> dict[str, str]:
        headers = {
            "host": self.to.host,
            "accept": "application/json",
            "x-acs-action": action,
            "x-acs-version": self.version,
            "x-acs-date": f"{utc(now).isoformat()[:19]}Z",  # strftime asks the system for its zone
            "x-acs-signature-nonce": nonce,
            "x-acs-content-sha256": sha256_hex(payload),
        }
        if payload:
            headers["content-type"] = "application/x-www-form-urlencoded"
        if self.token:
            headers["x-acs-accesskey-id"] = self.key_id
            headers["x-acs-security-token"] = self.token
        return headers


@attrs.frozen(kw_only=True)
class TencentApi:
    """One product of Tencent Cloud, called by one key; TC3 over the body, or all headers too."""

    key_id: str
    secret: str = attrs.field(repr=False)
    token: str | None = attrs.field(repr=False)
    to: Endpoint
    service: str
    version: str
    region: str
    language: str
    sign_all_headers: bool

    def call(self, action: str, fields: Mapping[str, Any], *, now: datetime) -> HttpRequest:
        """Sign a call whose *fields* are the JSON body, in their order; empty ones stay out."""
        at = utc(now)
        present = {k: v for k, v in fields.items() if v is not None and v != ""}
        body = escaped_json(present).encode()
        headers = self._headers(action, str(int(at.timestamp())))
        headers["authorization"] = self._authorize(headers, body, at.strftime("%Y-%m-%d"))
        return HttpRequest("POST", f"{self.to.url}/", headers, body)

    def _headers(self, action: str, stamp: str) -> dict[str, str]:
        headers = {
            "content-type": "application/json",
            "host": self.to.host,
            "x-tc-action": action,
            "x-tc-version": self.version,
            "x-tc-region": self.region,
            "x-tc-timestamp": stamp,
            "x-tc-language": self.language,
        }
        if self.token:
            headers["x-tc-token"] = self.token
        return headers

    def _authorize(self, headers: Mapping[str, str], body: bytes, day: str) -> str:
        chosen = headers.items() if self.sign_all_headers else list(headers.items())[:2]
        signed = [(name, value.lower()) for name, value in chosen]  # the scheme lowers both
        canonical, names = canonical_request("POST", "/", "", signed, sha256_hex(body))
        parts = (day, self.service, "tc3_request")
        scope, stamp = "/".join(parts), headers["x-tc-timestamp"]
        to_sign = f"{_TC3}\n{stamp}\n{scope}\n{sha256_hex(canonical.encode())}"
        key = f"TC3{self.secret}".encode()
        for part in parts:
            key = hmac_sha256(key, part)
        signature = hmac_sha256(key, to_sign).hex()
        return (
            f"{_TC3} Credential={self.key_id}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )


def _present(fields: Mapping[str, Any]) -> dict[str, str]:
    """Only what is set, as text: an optional field is left out rather than sent empty."""
    return {
        name: value if isinstance(value, str) else _text(value)
        for name, value in fields.items()
        if value is not None and value != ""
    }


def _text(value: Any) -> str:
    return compact_json(value) if isinstance(value, list | dict | tuple) else str(value)
