"""One-time codes: uniform, keyed at rest, used once, by the one who asked.

`OtpService` makes codes and judges guesses; an `OtpStore` keeps what must be atomic. Every
decision depends on the arguments alone: ``now`` comes in, the store comes in, chance comes in.

>>> from datetime import datetime, timezone
>>> from propsms.stores import MemoryStore
>>> service = OtpService(MemoryStore(), b"32 bytes from secrets.token_bytes")
>>> noon = datetime(2026, 3, 2, 4, tzinfo=timezone.utc)
>>> issued = service.issue("13900000001", purpose="gate", now=noon)
>>> again = service.issue("13900000001", purpose="gate", now=noon)
>>> again.reason.value, again.message_zh
('resend_wait', '验证码刚刚发送过，请 60 秒后再试。')

Sources: NIST SP 800-63B-4 (July 2025) §3.1.3 and §3.2.2; OWASP ASVS 5.0.0, V6.5 and V6.6; both
read 2026-11-26.
"""

from propsms._otp.keys import KeyRing
from propsms._otp.passes import AsyncPassService, PassService, WebOtp
from propsms._otp.policy import OtpPolicy, PassPolicy, PumpingBudget, Resend
from propsms._otp.service import AsyncOtpService, OtpService, TestNumber
from propsms._otp.store import AsyncOtpStore, OtpStore
from propsms._otp.values import (
    Challenge,
    DenialReason,
    Denied,
    Issued,
    Opened,
    VerifyResult,
    VerifyStatus,
)
from propsms.quota import Cap, Capped

__all__ = [
    "AsyncOtpService",
    "AsyncOtpStore",
    "AsyncPassService",
    "Cap",
    "Capped",
    "Challenge",
    "DenialReason",
    "Denied",
    "Issued",
    "KeyRing",
    "Opened",
    "OtpPolicy",
    "OtpService",
    "OtpStore",
    "PassPolicy",
    "PassService",
    "PumpingBudget",
    "Resend",
    "TestNumber",
    "VerifyResult",
    "VerifyStatus",
    "WebOtp",
]
