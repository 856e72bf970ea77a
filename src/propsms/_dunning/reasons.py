"""Why a notice may or may not go: codes, what each does, and how to say it to a person."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

__all__ = ["Action", "Reason", "restrictive"]


class Action(StrEnum):
    """What to do with an account now, from the freest to the strictest; ``none`` is apart.

    ``send`` now; ``wait`` until ``not_before``; ``review`` by a person first; ``hold`` while
    a promise, a dispute or a pause runs; ``block`` until somebody mends what is named;
    ``none`` when there is nothing to write about.
    """

    NONE = "none"
    SEND = "send"
    WAIT = "wait"
    REVIEW = "review"
    HOLD = "hold"
    BLOCK = "block"


_STRICTNESS: Final = {
    action: rank
    for rank, action in enumerate(
        (Action.SEND, Action.WAIT, Action.REVIEW, Action.HOLD, Action.BLOCK, Action.NONE)
    )
}


class _Said(NamedTuple):
    action: Action | None
    zh: str
    en: str
    next_zh: str
    next_en: str


class Reason(StrEnum):
    """A stable code; its name is its value, and it is never given another meaning.

    >>> Reason.COOL_DOWN.en
    'The same stage was sent too recently, or often enough.'
    >>> Reason("COOL_DOWN").action
    <Action.WAIT: 'wait'>
    """

    OK_SEND = "OK_SEND"
    NOT_DUE = "NOT_DUE"
    PAID = "PAID"
    COVERED_BY_CREDIT = "COVERED_BY_CREDIT"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    IN_GRACE = "IN_GRACE"
    HOLD_DISPUTE = "HOLD_DISPUTE"
    HOLD_PROMISE = "HOLD_PROMISE"
    PROMISE_BROKEN = "PROMISE_BROKEN"
    HOLD_INSTALMENT = "HOLD_INSTALMENT"
    HOLD_PAUSE = "HOLD_PAUSE"
    HOLD_HARDSHIP = "HOLD_HARDSHIP"
    DO_NOT_DUN = "DO_NOT_DUN"
    ESTATE = "ESTATE"
    LEGAL_HANDOVER = "LEGAL_HANDOVER"
    NO_DEBTOR = "NO_DEBTOR"
    NOT_A_DEBTOR = "NOT_A_DEBTOR"
    NO_CHANNEL = "NO_CHANNEL"
    BAD_NUMBER = "BAD_NUMBER"
    OPTED_OUT = "OPTED_OUT"
    NOT_SUBSCRIBED = "NOT_SUBSCRIBED"
    PRIOR_NOTICE_MISSING = "PRIOR_NOTICE_MISSING"
    SPACING = "SPACING"
    RESPONSE_PERIOD_RUNNING = "RESPONSE_PERIOD_RUNNING"
    COOL_DOWN = "COOL_DOWN"
    CAP_DAY = "CAP_DAY"
    CAP_MONTH = "CAP_MONTH"
    NEEDS_APPROVAL = "NEEDS_APPROVAL"
    UNKNOWN_DELIVERY_PENDING = "UNKNOWN_DELIVERY_PENDING"
    QUIET_HOURS = "QUIET_HOURS"
    HOLIDAY = "HOLIDAY"
    CALENDAR_MISSING = "CALENDAR_MISSING"
    LATE_FEE_OPEN = "LATE_FEE_OPEN"
    LATE_FEE_WAIVED = "LATE_FEE_WAIVED"
    LIMITATION_NEAR = "LIMITATION_NEAR"
    LIMITATION_PASSED = "LIMITATION_PASSED"
    CONTRACT_MISSING = "CONTRACT_MISSING"
    AFTER_CONTRACT_END = "AFTER_CONTRACT_END"
    TEMPLATE_LINT = "TEMPLATE_LINT"
    TEMPLATE_NOT_APPROVED = "TEMPLATE_NOT_APPROVED"
    STALE_LEDGER = "STALE_LEDGER"
    DATA_ERROR = "DATA_ERROR"
    DUPLICATE = "DUPLICATE"
    RUN_LOCKED = "RUN_LOCKED"
    RUN_BACKDATED = "RUN_BACKDATED"

    @property
    def action(self) -> Action | None:
        """What it asks for by itself; None if it only informs."""
        return _SAID[self].action

    @property
    def zh(self) -> str:
        """What is the matter, in Chinese."""
        return _SAID[self].zh

    @property
    def en(self) -> str:
        """What is the matter, in English."""
        return _SAID[self].en

    @property
    def next_zh(self) -> str:
        """What to do next, in Chinese."""
        return _SAID[self].next_zh

    @property
    def next_en(self) -> str:
        """What to do next, in English."""
        return _SAID[self].next_en


def restrictive(actions: list[Action]) -> Action:
    """The strictest of *actions*; ``send`` if there are none."""
    return max(actions, key=_STRICTNESS.__getitem__, default=Action.SEND)


_SAID: Final[dict[Reason, _Said]] = {
    Reason.OK_SEND: _Said(
        None, "可以发送。", "It may go.", "按渠道计划发送。", "Send it by the planned channels."
    ),
    Reason.NOT_DUE: _Said(
        Action.NONE,
        "没有到期或即将到期的账单。",
        "Nothing is due or about to fall due.",
        "无需处理。",
        "Nothing to do.",
    ),
    Reason.PAID: _Said(
        Action.NONE,
        "账单已缴清。",
        "What was due is paid.",
        "无需处理；排队中的通知会取消。",
        "Nothing to do; queued notices are cancelled.",
    ),
    Reason.COVERED_BY_CREDIT: _Said(
        Action.NONE,
        "未分配的余额足以抵扣欠费。",
        "Unapplied credit covers what is due.",
        "请将余额冲抵账单。",
        "Allocate the credit to the bills.",
    ),
    Reason.BELOW_MINIMUM: _Said(
        Action.NONE,
        "欠费合计低于起催金额。",
        "The total is below the minimum that is written about.",
        "随下一期账单一并提示。",
        "Let it ride with the next bill.",
    ),
    Reason.IN_GRACE: _Said(
        Action.NONE,
        "仍在宽限期内。",
        "The grace days are still running.",
        "宽限期后自动处理。",
        "Wait for the grace to end.",
    ),
    Reason.HOLD_DISPUTE: _Said(
        Action.HOLD,
        "账单有争议，正在核实。",
        "What is due is contested.",
        "请先处理争议并记录结果。",
        "Settle the dispute and record how.",
    ),
    Reason.HOLD_PROMISE: _Said(
        Action.HOLD,
        "业主已承诺付款，期限未到。",
        "A promise to pay is running.",
        "到期未付时再处理；多次承诺请人工联系。",
        "Wait for its day; after several promises speak to the owner.",
    ),
    Reason.PROMISE_BROKEN: _Said(
        None,
        "承诺或分期未按期履行。",
        "A promise or an instalment was not kept.",
        "流程按原进度继续，并请人工跟进。",
        "Dunning goes on where it stood; let a person follow up.",
    ),
    Reason.HOLD_INSTALMENT: _Said(
        Action.HOLD,
        "分期计划正常履行中。",
        "An instalment plan is being kept.",
        "按计划核对每期到账。",
        "Check each instalment as it falls due.",
    ),
    Reason.HOLD_PAUSE: _Said(
        Action.HOLD,
        "已人工暂停。",
        "Somebody paused this account.",
        "暂停期满后自动恢复，或由登记人解除。",
        "It resumes after its last day, or when the person lifts it.",
    ),
    Reason.HOLD_HARDSHIP: _Said(
        Action.HOLD,
        "业主确有困难，已登记。",
        "Hardship is recorded.",
        "请人工商定分期或减免。",
        "Agree on instalments or relief in person.",
    ),
    Reason.DO_NOT_DUN: _Said(
        Action.BLOCK,
        "已登记为不催缴。",
        "The account is marked as not to be dunned.",
        "如需恢复，请由登记人解除。",
        "The person who marked it can lift it.",
    ),
    Reason.ESTATE: _Said(
        Action.BLOCK,
        "业主已故。",
        "The owner has died.",
        "停止自动通知，由专人联系遗产管理人（民法典第1145条）。",
        "Stop; a person addresses the estate's administrator (Civil Code art. 1145).",
    ),
    Reason.LEGAL_HANDOVER: _Said(
        Action.BLOCK,
        "案件已移交法务或律师。",
        "The case is with the lawyer.",
        "不再自动发送；到账仍会更新案件。",
        "No more machine messages; payments still update the case.",
    ),
    Reason.NO_DEBTOR: _Said(
        Action.BLOCK,
        "没有登记的缴费义务人。",
        "No debtor is on record.",
        "请补登业主、约定缴费人或开发商。",
        "Record the owner, the agreed payer or the developer.",
    ),
    Reason.NOT_A_DEBTOR: _Said(
        Action.BLOCK,
        "登记的联系人不是缴费义务人。",
        "Those on record do not owe this.",
        "不得向其披露欠费；请补登业主。",
        "Disclose nothing to them; record the owner.",
    ),
    Reason.NO_CHANNEL: _Said(
        Action.BLOCK,
        "没有可用的联系渠道。",
        "There is no way left to reach the debtor.",
        "请核对号码，或改用书面函件、上门送达。",
        "Check the number, or use a letter or a visit.",
    ),
    Reason.BAD_NUMBER: _Said(
        Action.BLOCK,
        "号码无效或停机。",
        "The number is invalid or out of service.",
        "请更正号码；同一号码不会再试。",
        "Correct the number; the same one is not tried again.",
    ),
    Reason.OPTED_OUT: _Said(
        Action.BLOCK,
        "业主已拒收全部可用渠道。",
        "The debtor refused every channel we could use.",
        "正式催告请改用书面函件。",
        "Send a formal demand by letter.",
    ),
    Reason.NOT_SUBSCRIBED: _Said(
        None,
        "微信未绑定或未订阅。",
        "WeChat is not bound or not subscribed.",
        "改用下一渠道。",
        "The next channel is used.",
    ),
    Reason.PRIOR_NOTICE_MISSING: _Said(
        None,
        "前一阶段的通知尚未送达，不能越级。",
        "An earlier stage was never delivered, so this one may not be skipped to.",
        "先送达较轻的一份。",
        "The milder notice goes first.",
    ),
    Reason.SPACING: _Said(
        Action.WAIT,
        "距前一阶段的间隔未满。",
        "The gap after the previous stage has not passed.",
        "到可发时间（not_before）再发。",
        "Wait until not_before.",
    ),
    Reason.RESPONSE_PERIOD_RUNNING: _Said(
        Action.WAIT,
        "前一份通知给出的期限未到。",
        "The deadline named in the last notice is still running.",
        "到可发时间（not_before）再发。",
        "Wait until not_before.",
    ),
    Reason.COOL_DOWN: _Said(
        Action.WAIT,
        "同一阶段刚发送过，或已达次数上限。",
        "The same stage was sent too recently, or often enough.",
        "到可发时间（not_before）再发，或等下一阶段。",
        "Wait until not_before, or for the next stage.",
    ),
    Reason.CAP_DAY: _Said(
        Action.WAIT,
        "今天已联系过该户。",
        "This household had its contact of the day.",
        "改日再发。",
        "Send on another day.",
    ),
    Reason.CAP_MONTH: _Said(
        Action.WAIT,
        "30 天内的联系次数已满。",
        "This household had its contacts of 30 days.",
        "到可发时间（not_before）再发。",
        "Wait until not_before.",
    ),
    Reason.NEEDS_APPROVAL: _Said(
        Action.REVIEW,
        "需负责人签批。",
        "Somebody answerable must approve it.",
        "请核对事实后签批；金额变动则签批失效。",
        "Check the facts and approve; a changed amount voids it.",
    ),
    Reason.UNKNOWN_DELIVERY_PENDING: _Said(
        Action.WAIT,
        "上一份通知是否送达尚不清楚。",
        "Whether the last notice arrived is not known.",
        "等待回执或人工核实，不自动重发。",
        "Wait for its receipt or find out; it is not sent again by itself.",
    ),
    Reason.QUIET_HOURS: _Said(
        Action.WAIT,
        "不在允许的发送时段。",
        "It is outside the sending hours.",
        "到可发时间（not_before）再发。",
        "Wait until not_before.",
    ),
    Reason.HOLIDAY: _Said(
        Action.WAIT,
        "法定节假日不发送。",
        "It is a public holiday.",
        "到可发时间（not_before）再发。",
        "Wait until not_before.",
    ),
    Reason.CALENDAR_MISSING: _Said(
        None,
        "该年份的节假日安排尚无数据，仅按固定法定日处理。",
        "The holidays of that year are not known; only the fixed days are closed.",
        "请更新节假日数据。",
        "Update the calendar.",
    ),
    Reason.LATE_FEE_OPEN: _Said(
        None,
        "已主张的违约金尚未结清。",
        "A late fee that was claimed is open.",
        "由人处理：收取、减免，或随信附上计算明细；短信不提。",
        "A person collects it, waives it or encloses the sheet in a letter; no text names it.",
    ),
    Reason.LATE_FEE_WAIVED: _Said(
        None,
        "违约金已减免，不再主张。",
        "A late fee was waived and is not asked for any more.",
        "无需处理。",
        "Nothing to do.",
    ),
    Reason.LIMITATION_NEAR: _Said(
        None,
        "诉讼时效临近届满。",
        "The three years of limitation are about to end.",
        "请尽快送达催告或取得书面确认（民法典第195条）。",
        "Deliver a demand or get an acknowledgement soon (Civil Code art. 195).",
    ),
    Reason.LIMITATION_PASSED: _Said(
        Action.REVIEW,
        "诉讼时效可能已经届满。",
        "The three years of limitation may have passed.",
        "请人工处理，不得以诉讼相告。",
        "A person decides; do not threaten suit.",
    ),
    Reason.CONTRACT_MISSING: _Said(
        None,
        "账单未关联合同依据。",
        "A bill names no contract.",
        "请补登合同与条款。",
        "Record the contract and its clause.",
    ),
    Reason.AFTER_CONTRACT_END: _Said(
        Action.BLOCK,
        "账单所属期间在物业合同终止之后。",
        "The bills are for a time after the contract ended.",
        "如属交接期继续服务，请在账单上注明（民法典第950条）。",
        "If service went on until hand-over, flag the bill so (Civil Code art. 950).",
    ),
    Reason.TEMPLATE_LINT: _Said(
        Action.BLOCK,
        "文本未通过检查。",
        "The text does not pass the linter.",
        "请修改模板，或改用函件、上门。",
        "Mend the template, or use a letter or a visit.",
    ),
    Reason.TEMPLATE_NOT_APPROVED: _Said(
        Action.BLOCK,
        "模板未获服务商审核通过。",
        "The provider has not approved the template.",
        "请提交审核，或改用已通过的模板。",
        "Submit it, or use one that is approved.",
    ),
    Reason.STALE_LEDGER: _Said(
        Action.BLOCK,
        "账务数据过旧，可能已缴。",
        "The ledger is too old; the owner may have paid.",
        "请重新导入账务数据。",
        "Import the ledger again.",
    ),
    Reason.DATA_ERROR: _Said(
        Action.BLOCK,
        "数据有误，无法判断。",
        "The data are wrong, so nothing can be said.",
        "请更正后重新导入。",
        "Correct them and import again.",
    ),
    Reason.DUPLICATE: _Said(
        Action.BLOCK,
        "同一份通知已经排队或发送。",
        "The same notice is queued or sent already.",
        "无需处理。",
        "Nothing to do.",
    ),
    Reason.RUN_LOCKED: _Said(
        Action.BLOCK,
        "另一个进程正在执行催缴。",
        "Another run of this tenant is at work.",
        "等其结束，或等其租约过期。",
        "Wait for it to end or for its lease to expire.",
    ),
    Reason.RUN_BACKDATED: _Said(
        Action.BLOCK,
        "日期早于上次已提交的批次。",
        "The day lies before the last committed run.",
        "请用不早于上次批次的日期。",
        "Use a day that is not before the last run.",
    ),
}
