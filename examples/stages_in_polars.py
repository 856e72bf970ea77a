"""The stage of every household of a data frame, without an object for each bill.

`policy.cutoffs(as_of)` gives the dates; polars compares them. Whether a notice may go is more
than its stage: give the households that are left to `propsms.dunning.decide`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from propsms.dunning import P0, DunningPolicy

if TYPE_CHECKING:
    from datetime import date


def stages(bills: pl.DataFrame, *, as_of: date, policy: DunningPolicy = P0) -> pl.DataFrame:
    """The stage, the days past due and the overdue amount of each household.

    Args:
        bills: One row a bill, with ``room``, ``due`` (a date) and ``open`` (a decimal).
        as_of: The day to judge by.
        policy: Its edges, grace, upcoming days and minimum; one with a matrix is refused, as
            it has no fixed dates.
    """
    cut = policy.cutoffs(as_of)
    due, late = pl.col("due"), pl.col("due") < as_of
    soon = due.is_between(cut.upcoming_to, cut.upcoming_from)
    stage = (
        pl.when(due <= cut.final)
        .then(pl.lit("final"))
        .when(due <= cut.overdue)
        .then(pl.lit("overdue"))
        .when(due <= cut.reminder)
        .then(pl.lit("reminder"))
        .when(soon)
        .then(pl.lit("upcoming"))
        .otherwise(pl.lit("none"))
    )
    asked = pl.when(late).then(pl.col("overdue")).otherwise(pl.col("soon"))
    return (
        bills.filter(pl.col("open") > 0)
        .group_by("room")
        .agg(
            due.min(),
            overdue=pl.col("open").filter(late).sum(),
            soon=pl.col("open").filter(soon).sum(),
        )
        .with_columns(
            stage=pl.when(asked < policy.min_amount).then(pl.lit("none")).otherwise(stage),
            days=(pl.lit(as_of) - due).dt.total_days().clip(0),
        )
        .drop("soon")
        .sort("room")
    )
