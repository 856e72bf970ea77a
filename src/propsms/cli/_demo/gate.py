"""Chapter 4: a gate code is issued, guessed wrong, used once, refused twice, and capped."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from propsms.cli._speech import say
from propsms.messages import OutboundMessage
from propsms.otp import Denied, OtpService
from propsms.phone import parse
from propsms.sending_hours import SHANGHAI
from propsms.stores import MemoryStore

if TYPE_CHECKING:
    from datetime import datetime

    from propsms.cli._demo.story import Story

__all__ = ["gate_codes"]

_PURPOSE = "gate"


def gate_codes(story: Story, secret: bytes) -> None:
    """Show the life of one code, then the daily cap."""
    story.screen.chapter(4, "门禁验证码：只用一次", "A gate code, used once")
    service = OtpService(MemoryStore(), secret)
    phone, now = parse("199 0000 9001"), story.now
    steps: list[tuple[str, str]] = []

    issued = service.issue(phone, purpose=_PURPOSE, now=now)
    if isinstance(issued, Denied):  # a fresh store denies nobody
        raise TypeError(issued)
    message = OutboundMessage(phone, "gate-code", {"code": issued.code})
    story.send_one(say("门禁验证码", "gate code"), message)
    steps.append(
        (say("签发并发送", "issued and sent"), say("5 分钟内有效", "valid for 5 minutes"))
    )

    wrong = "000000" if issued.code != "000000" else "111111"
    for said, code in (
        (say("输错一次", "a wrong guess"), wrong),
        (say("输入正确", "the right code"), issued.code),
        (say("再用一次", "the same code again"), issued.code),
    ):
        result = service.verify(phone, purpose=_PURPOSE, code=code, now=now)
        steps.append(
            (said, f"{result.status} ({say('还可猜', 'guesses left')}: {result.remaining})")
        )

    steps += _until_capped(service, now)
    story.screen.table((say("步骤", "step"), say("结果", "answer")), steps)


def _until_capped(service: OtpService, now: datetime) -> list[tuple[str, str]]:
    """Ask for codes every minute for one more number until the day's cap says no."""
    phone = parse("199 0000 9002")
    for count in range(100):
        asked = service.issue(phone, purpose=_PURPOSE, now=now + count * timedelta(seconds=61))
        if isinstance(asked, Denied):
            until = f"{asked.retry_at.astimezone(SHANGHAI):%m-%d %H:%M}"
            return [
                (
                    say(f"同一号码第 {count + 1} 次申请", f"request {count + 1} of one number"),
                    say(
                        f"拒绝：{asked.reason}，{until} 后再试",
                        f"denied: {asked.reason} until {until}",
                    ),
                )
            ]
    raise RuntimeError("the daily cap did not hold")
