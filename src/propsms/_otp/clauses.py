"""Where a policy falls below the standards, clause by clause.

Sources: NIST SP 800-63B-4, "Authentication and Authenticator Management" (July 2025),
§3.1.3.2 (out-of-band verifiers: six digits, a new secret resets no count), §3.1.3.3 (public
telephone network), §3.2.2 (no more than 100 failures in a row), §3.2.9 (restricted
authenticators). OWASP Application Security Verification Standard 5.0.0: 2.4.1 (excessive calls
of costly functions), 6.3.1 (credential stuffing, brute force), 6.5.4 (20 bits, for which six
random digits do), 6.6.1 (SMS: a validated number, a stronger way, the risks told), 6.6.2 (bound
to the original request), 6.6.3 (brute force of codes). 6.5.1 (once), 6.5.3 (CSPRNG) and 6.5.5
(ten minutes) hold for every policy. Of NIST the second public draft (August 2024) and
quotations of the final text were at hand, of ASVS the final text. All read 2026-11-26.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from propsms._otp.policy import OtpPolicy, Resend
from propsms.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_policy"]

_NIST: Final = "NIST SP 800-63B-4"
_ASVS: Final = "OWASP ASVS 5.0.0"
_Clause = tuple["Callable[[OtpPolicy], bool]", Finding]


def check_policy(policy: OtpPolicy) -> tuple[Finding, ...]:
    """The clauses that *policy* misses, then what no policy can meet."""
    return tuple(finding for misses, finding in _CLAUSES if misses(policy))


def _clause(
    misses: Callable[[OtpPolicy], bool],
    code: str,
    field: str,
    source: str,
    *texts: str,
    severity: Severity = Severity.WARNING,
) -> _Clause:
    return misses, Finding(code, severity, texts[0], texts[1], source=source, field=field)


_CLAUSES: Final = (
    _clause(
        lambda policy: policy.digits < 6,
        "otp-too-few-digits",
        "digits",
        f"{_NIST} §3.1.3.2; {_ASVS} 6.5.4",
        "验证码少于 6 位：标准要求至少 6 位十进制数字（约 20 比特）；请设 digits=6",
        "A code has fewer than six digits (about 20 bits); set digits=6",
    ),
    _clause(
        lambda policy: policy.wrong_in_a_row is None or policy.wrong_in_a_row > 100,
        "otp-no-lock",
        "wrong_in_a_row",
        f"{_NIST} §3.2.2",
        "连续输错次数没有 100 次的上限：标准要求达到后停用；请设 wrong_in_a_row=100",
        "Failed guesses in a row are not limited to 100; set wrong_in_a_row=100",
    ),
    _clause(
        lambda policy: policy.wrong_in_a_row is None and policy.guesses_per_day is None,
        "otp-new-code-resets-guesses",
        "guesses_per_day",
        f"{_NIST} §3.1.3.2; {_ASVS} 6.6.3",
        "重新获取验证码会重置输错次数：标准禁止；请设 guesses_per_day 或 wrong_in_a_row",
        "A new code resets the count of failed guesses; set guesses_per_day or wrong_in_a_row",
    ),
    _clause(
        lambda policy: policy.resend is Resend.SAME,
        "otp-same-code-again",
        "resend",
        f"{_ASVS} 6.6.2",
        "重发同一验证码，后一次请求可用前一次的码，且库中保留可还原的密文；更稳妥的是 resend=new",
        "A later request reuses the code of an earlier one, and the store keeps it under a "
        "reversible mask; resend=new is stricter",
    ),
    _clause(
        lambda policy: policy.resend_after is None,
        "otp-no-resend-wait",
        "resend_after",
        f"{_ASVS} 2.4.1",
        "重发之间没有等待时间，易被用于轰炸；请设 resend_after",
        "Nothing keeps two codes apart, which invites bombing; set resend_after",
    ),
    _clause(
        lambda policy: policy.per_address is None and policy.pumping is None,
        "otp-no-automation-cap",
        "per_address",
        f"{_ASVS} 2.4.1, 6.3.1",
        "既无按网络地址的限额，也无刷量预算，一台机器可向大量号码要码；请至少设置其一",
        "Neither addresses nor unverified codes are capped, so one machine may ask for codes "
        "to many numbers; set one of them",
    ),
    _clause(
        lambda _: True,
        "otp-sms-is-restricted",
        "",
        f"{_NIST} §3.1.3.3, §3.2.9; {_ASVS} 6.6.1",
        "短信属于受限的验证方式：只发往核验过的号码，须同时提供更强的方式并告知风险，号码变更须重新绑定",
        "SMS is a restricted authenticator: send to a validated number only, offer a stronger "
        "one too, tell users the risk, and treat a changed number as a new binding",
        severity=Severity.INFO,
    ),
    _clause(
        lambda _: True,
        "otp-bind-the-session",
        "",
        f"{_ASVS} 6.6.2",
        "验证码须绑定发起请求的会话：签发与校验时请传同一个 session",
        "A code must be bound to the request that asked for it: pass the same session to issue "
        "and verify",
        severity=Severity.INFO,
    ),
)
