"""Tell who owes, for how long, and which notice may go next; nothing here sends anything.

Everything is a pure function of its arguments: bills and days come in, values go out.
Day 60 past due is still ``overdue``: in Chinese law 以上 and 以内 include the number (Civil
Code art. 1259), so it would lie in both of "31-60 days" and "60 days and more".
"""

from __future__ import annotations

from propsms._dunning.bills import Bill, BillStatus, Dispute, LateFeeClause, Payment
from propsms._dunning.policy import DunningPolicy
from propsms._dunning.stage import Stage
from propsms._dunning.standing import BUCKETS, Buckets, Standing, assess, bucket_of

__all__ = [
    "BUCKETS",
    "Bill",
    "BillStatus",
    "Buckets",
    "Dispute",
    "DunningPolicy",
    "LateFeeClause",
    "Payment",
    "Stage",
    "Standing",
    "assess",
    "bucket_of",
]
