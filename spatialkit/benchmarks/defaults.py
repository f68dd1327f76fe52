"""Defaults of benchmarks, which the help of commands states without importing the rest."""

__all__ = ["DEFAULT_TIMEOUT", "SCENES", "SECONDS", "SEED"]

DEFAULT_TIMEOUT = 600.0  # seconds per call of a program
SCENES = 10  # sets of directions per song
SECONDS = 20.0  # of each song
SEED = 20261121
