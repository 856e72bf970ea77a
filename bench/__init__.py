"""Benchmarks: each figure beside a peer or a limit, measured in one run, given as a ratio."""
