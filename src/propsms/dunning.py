"""Tell who owes, for how long, and which notice may go next; nothing here sends anything.

Everything is a pure function of its arguments: bills and days come in, values go out.
Day 60 past due is still ``overdue``: in Chinese law 以上 and 以内 include the number (Civil
Code art. 1259), so it would lie in both of "31-60 days" and "60 days and more".
"""

from __future__ import annotations

from propsms._dunning.accounts import (
    Account,
    Approval,
    Channel,
    Contact,
    Hold,
    HoldKind,
    Instalment,
    Notice,
    NoticeEvent,
    NoticeStatus,
    Payer,
    PayerRole,
)
from propsms._dunning.bills import (
    Bill,
    BillStatus,
    Dispute,
    LateFeeClause,
    LateFeeItem,
    LateFeeState,
    Payment,
)
from propsms._dunning.book import PolicyBook, careful, load_policy, policy_schema
from propsms._dunning.deciding import Desk, decide
from propsms._dunning.decision import ChannelStep, Decision, Task
from propsms._dunning.evidence import EvidenceLedger, EvidenceRecord, Fault, verify_chain
from propsms._dunning.export import export_evidence, verify_evidence
from propsms._dunning.kpis import (
    Rate,
    cleared_rate,
    collection_rate,
    cure_rate,
    delivery_rate,
    held_out,
    household_rate,
    per_notice,
    recovery_rate,
    roll_rate,
)
from propsms._dunning.limitation import LimitationClock, LimitationEvent, limitation
from propsms._dunning.money import Allocation, LateFee, allocate, late_fee
from propsms._dunning.planning import DunningPlan, PlanTotals, plan, plan_stream
from propsms._dunning.policy import P0, Cutoffs, DunningPolicy
from propsms._dunning.reasons import Action, Reason
from propsms._dunning.replies import hold_for_reply
from propsms._dunning.report import html_report
from propsms._dunning.rows import accounts_from
from propsms._dunning.stage import Stage
from propsms._dunning.standing import BUCKETS, Buckets, Standing, assess, bucket_of

Policy = DunningPolicy

__all__ = [
    "BUCKETS",
    "P0",
    "Account",
    "Action",
    "Allocation",
    "Approval",
    "Bill",
    "BillStatus",
    "Buckets",
    "Channel",
    "ChannelStep",
    "Contact",
    "Cutoffs",
    "Decision",
    "Desk",
    "Dispute",
    "DunningPlan",
    "DunningPolicy",
    "EvidenceLedger",
    "EvidenceRecord",
    "Fault",
    "Hold",
    "HoldKind",
    "Instalment",
    "LateFee",
    "LateFeeClause",
    "LateFeeItem",
    "LateFeeState",
    "LimitationClock",
    "LimitationEvent",
    "Notice",
    "NoticeEvent",
    "NoticeStatus",
    "Payer",
    "PayerRole",
    "Payment",
    "PlanTotals",
    "Policy",
    "PolicyBook",
    "Rate",
    "Reason",
    "Stage",
    "Standing",
    "Task",
    "accounts_from",
    "allocate",
    "assess",
    "bucket_of",
    "careful",
    "cleared_rate",
    "collection_rate",
    "cure_rate",
    "decide",
    "delivery_rate",
    "export_evidence",
    "held_out",
    "hold_for_reply",
    "household_rate",
    "html_report",
    "late_fee",
    "limitation",
    "load_policy",
    "per_notice",
    "plan",
    "plan_stream",
    "policy_schema",
    "recovery_rate",
    "roll_rate",
    "verify_chain",
    "verify_evidence",
]
