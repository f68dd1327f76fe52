"""Defaults of the benchmark, which the help of its command states without importing the rest."""

__all__ = ["SECONDS", "SEED"]

SECONDS = 30.0  # of each song
SEED = 20261121
