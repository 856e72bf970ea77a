"""What building and signing a request costs: CPU per request, one recipient and the largest batch.

The bound is 0.2 ms of CPU for one recipient. The peer is the smallest signature there could be,
one HMAC-SHA256 over the same body, so the ratio says how much the rest adds.
"""

from __future__ import annotations

import hashlib
import hmac
import statistics
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bench.harness import Row, seconds
from propsms.phone import parse
from propsms.providers.aliyun import Aliyun
from propsms.providers.baidu import Baidu
from propsms.providers.chuanglan import Chuanglan
from propsms.providers.cmas import Cmas
from propsms.providers.ctyun import Ctyun
from propsms.providers.huawei import Huawei
from propsms.providers.koomessage import KooMessage
from propsms.providers.tencent import Tencent
from propsms.providers.twilio import Twilio
from propsms.providers.volcengine import Volcengine
from propsms.providers.yunpian import Yunpian
from propsms.wire import WireMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_KEY, _SECRET = "AKIDEXAMPLE", "secret-example"
_BOUND_MS = 0.2
_CALLS = 300


def rows() -> list[Row]:
    """One recipient at each provider, then the largest requests of those with different values."""
    single = [_row(f"{p.name}, 1 recipient", p, _messages(1), bound=True) for p in _providers()]
    aliyun, tencent = Aliyun(_KEY, _SECRET), Tencent(_KEY, _SECRET, sdk_app_id="1400006666")
    return [
        *single,
        _row("aliyun, 100 recipients, own values", aliyun, _messages(100)),
        _row("aliyun, 1000 recipients, same values", aliyun, _messages(1000, same=True)),
        _row("tencent, 200 recipients, same values", tencent, _messages(200, same=True)),
    ]


def _providers() -> list[Any]:
    return [
        Aliyun(_KEY, _SECRET),
        Tencent(_KEY, _SECRET, sdk_app_id="1400006666"),
        Huawei(_KEY, _SECRET, sender="csms12345678"),
        KooMessage(_KEY, _SECRET, project_id="0" * 32),
        Volcengine(_KEY, _SECRET, sms_account="a"),
        Baidu(_KEY, _SECRET),
        Twilio("AC" + "a" * 32, _SECRET, sender="+15017122661"),
        Yunpian(_SECRET),
        Cmas("示例物业", "ap1", _SECRET, sign="Sg1", endpoint="https://mas.example.com"),
        Ctyun(_KEY, _SECRET),
        Chuanglan("N1", _SECRET),
    ]


def _messages(count: int, *, same: bool = False) -> list[WireMessage]:
    return [
        WireMessage(
            parse(f"139{i:08}"),
            "SMS_154950909",
            "阳光物业",
            (("name", "张三"), ("month", "2026年1月"), ("fee", "120.50" if same else f"{i}.50")),
            "【阳光物业】尊敬的张三,您2026年1月物业费120.50元,请及时缴纳。",
            f"0123456789abcdef{i:016x}",
        )
        for i in range(count)
    ]


def _row(name: str, provider: Any, messages: Sequence[WireMessage], *, bound: bool = False) -> Row:
    def build() -> Any:
        return provider.build_request(messages, now=_NOW, nonce="0123456789abcdef0123456789abcdef")

    body, key = build().body, _SECRET.encode()

    def least() -> str:
        return hmac.new(key, body, hashlib.sha256).hexdigest()

    calls = max(5, _CALLS // len(messages))
    ours, peer = _cpu(build, calls), _cpu(least, calls)
    return Row(
        name,
        f"{ours:.3f} ms",
        f"{peer:.4f} ms",
        ours / _BOUND_MS if bound else ours / peer,
        "<= 1" if bound else "",
        f"ratio to the bound of {_BOUND_MS} ms of CPU" if bound else "ratio to one HMAC",
    )


def _cpu(call: Callable[[], object], calls: int) -> float:
    """Median of seven rounds, in milliseconds of CPU per call."""

    def many() -> None:
        for _ in range(calls):
            call()

    many()
    return statistics.median(seconds(many, cpu=True) for _ in range(7)) / calls * 1e3
