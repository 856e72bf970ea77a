"""Where a policy falls below the standards, clause by clause."""
