"""`count_segments` and `count_billed` beside `smsutil.split` and `sms-counter`."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING

import smsutil

from bench.harness import Row, faster
from propsms.segments import count_billed, count_segments

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it uses what pydantic has deprecated
    from sms.counter import SMSCounter  # type: ignore[import-untyped]  # ships no types

if TYPE_CHECKING:
    from collections.abc import Callable

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
    many = range(200)
    counter = SMSCounter()

    def repeat(call: Callable[[str], object]) -> None:
        for _ in many:
            call(text)

    def quiet(text: str) -> object:
        return counter.count(text)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peers: dict[str, Callable[[str], object]] = {
            "smsutil.split": smsutil.split,
            "sms-counter": quiet,
        }
        found = [
            faster(
                f"count_segments, {name}",
                partial(repeat, count_segments),
                partial(repeat, peer),
                target=">= 10",
                note=f"peer: {peer_name}, 200 times",
            )
            for peer_name, peer in peers.items()
        ]
    found.append(
        faster(
            f"count_billed, {name}",
            partial(repeat, count_billed),
            partial(repeat, smsutil.split),
            target=">= 10",
            note="peer: smsutil.split, 200 times",
        )
    )
    return found
