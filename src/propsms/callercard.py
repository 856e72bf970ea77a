"""The caller card (来电名片): what people see when the property company calls.

No registry in mainland China is known to offer a public API that registers a card, so this room
submits nothing. It makes a file that is right the first time (`lint_card`,
`registration_package`), a card for the owner's address book (`to_vcard`, `to_qr`), messages
around the call (`plan_touch`, `after_call`), and an honest count of whether people answer more
(`answer_rate`).

Sources: RFC 6350 and RFC 2426 (vCard), RFC 7095 (jCard), RFC 3966 (tel URI), RFC 8225
(PASSporT), RFC 9795 (rich call data), and one per registry in its profile.
"""

from __future__ import annotations

from propsms._callercard.answers import (
    AnswerComparison,
    AnswerRate,
    CallTally,
    Interval,
    answer_rate,
    newcombe_difference,
    wilson_interval,
)
from propsms._callercard.calls import CallOutcome, CallResult, call_result
from propsms._callercard.card_file import load_card, parse_card
from propsms._callercard.codes import CARD_CODES
from propsms._callercard.exports import (
    CallDirectory,
    SkippedNumber,
    call_info_header,
    ios_call_directory,
    to_csv,
)
from propsms._callercard.flash import (
    FlashSms,
    aliyun_ccc_flash,
    aliyun_outbound_bot_flash,
    check_flash_text,
    flash_sms,
)
from propsms._callercard.formats import (
    NUMBER_FORMATS,
    Evidence,
    Ownership,
    UnknownFormatError,
    format_for,
    ownership,
)
from propsms._callercard.jcard import to_jcard, vcard_line_to_jcard
from propsms._callercard.lifecycle import (
    Action,
    ActionKind,
    CardFile,
    CardState,
    Registration,
    next_actions,
)
from propsms._callercard.lint import lint_card
from propsms._callercard.lint_name import compare_names
from propsms._callercard.logo import MAX_LOGO_BYTES, LogoInfo, read_logo
from propsms._callercard.model import SERVICE_TYPES, CallerCard, CardNumber, Document
from propsms._callercard.numbers import CardNumberKind
from propsms._callercard.package import package_files, package_zip, registration_package
from propsms._callercard.passport import (
    PassportCheck,
    passport_json,
    rcd_claims,
    sign_passport,
    verify_passport,
)
from propsms._callercard.picture import phone_picture
from propsms._callercard.profiles import (
    CardProfile,
    LogoRule,
    ProfileStatus,
    card_profile,
    card_profiles,
    load_profile,
    parse_profile,
)
from propsms._callercard.qr import to_qr
from propsms._callercard.readers import CardReading, read_jcard, read_vcard
from propsms._callercard.touch import (
    AfterCall,
    Touch,
    TouchHistory,
    TouchPlan,
    TouchPolicy,
    TouchRefusal,
    after_call,
    plan_touch,
)
from propsms._callercard.uscc import uscc_problem
from propsms._callercard.vcard import to_vcard

UnknownFormat = UnknownFormatError

__all__ = [
    "CARD_CODES",
    "MAX_LOGO_BYTES",
    "NUMBER_FORMATS",
    "SERVICE_TYPES",
    "Action",
    "ActionKind",
    "AfterCall",
    "AnswerComparison",
    "AnswerRate",
    "CallDirectory",
    "CallOutcome",
    "CallResult",
    "CallTally",
    "CallerCard",
    "CardFile",
    "CardNumber",
    "CardNumberKind",
    "CardProfile",
    "CardReading",
    "CardState",
    "Document",
    "Evidence",
    "FlashSms",
    "Interval",
    "LogoInfo",
    "LogoRule",
    "Ownership",
    "PassportCheck",
    "ProfileStatus",
    "Registration",
    "SkippedNumber",
    "Touch",
    "TouchHistory",
    "TouchPlan",
    "TouchPolicy",
    "TouchRefusal",
    "UnknownFormat",
    "UnknownFormatError",
    "after_call",
    "aliyun_ccc_flash",
    "aliyun_outbound_bot_flash",
    "answer_rate",
    "call_info_header",
    "call_result",
    "card_profile",
    "card_profiles",
    "check_flash_text",
    "compare_names",
    "flash_sms",
    "format_for",
    "ios_call_directory",
    "lint_card",
    "load_card",
    "load_profile",
    "newcombe_difference",
    "next_actions",
    "ownership",
    "package_files",
    "package_zip",
    "parse_card",
    "parse_profile",
    "passport_json",
    "phone_picture",
    "plan_touch",
    "rcd_claims",
    "read_jcard",
    "read_logo",
    "read_vcard",
    "registration_package",
    "sign_passport",
    "to_csv",
    "to_jcard",
    "to_qr",
    "to_vcard",
    "uscc_problem",
    "vcard_line_to_jcard",
    "verify_passport",
    "wilson_interval",
]
