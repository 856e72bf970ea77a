"""`count_segments` and `count_billed` beside `smsutil.split` and `sms-counter`."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING

import smsutil

from bench.harness import Row, side_by_side
from propsms.segments import count_billed, count_segments

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it uses what pydantic has deprecated
    from sms.counter import SMSCounter

if TYPE_CHECKING:
    from collections.abc import Callable

    _Count = Callable[[str], object]

_CHINESE = "【阳光物业】您的物业费已逾期,请于本月底前缴纳。"
_GSM7 = "Your gate code is 4821, valid for 5 minutes. "
_EMOJI = "物业费💰已到账🎉谢谢😀"


def rows() -> list[Row]:
    """Chinese, GSM-7 and emoji texts of 60, 160 and 500 characters."""
    texts = {
        f"{name}, {length}": (sample * 30)[:length]
        for name, sample in (("Chinese", _CHINESE), ("GSM-7", _GSM7), ("emoji", _EMOJI))
        for length in (60, 160, 500)
    }
    return [row for name, text in texts.items() for row in _rows(name, text)]


def _rows(name: str, text: str) -> list[Row]:
    counter = SMSCounter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            _row(f"count_segments, {name}", text, count_segments, "smsutil.split", smsutil.split),
            _row(f"count_segments, {name}", text, count_segments, "sms-counter", counter.count),
            _row(f"count_billed, {name}", text, count_billed, "smsutil.split", smsutil.split),
        ]


def _row(name: str, text: str, ours: _Count, peer_name: str, peer: _Count) -> Row:
    """CPU time, because a call of ours is so short that one interruption counts."""
    a, b = side_by_side(
        partial(_repeat, ours, text), partial(_repeat, peer, text), rounds=11, cpu=True
    )
    note = f"peer: {peer_name}, 200 times"
    return Row(name, f"{a * 1e3:.3g} ms", f"{b * 1e3:.3g} ms", b / a, ">= 10", note)


def _repeat(call: _Count, text: str) -> None:
    for _ in range(200):
        call(text)
