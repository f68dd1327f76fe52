"""Decorrelation of channels by all-pass filters."""

from spatialkit.decorrelation.filters import (
    PAIRS,
    Decorrelator,
    all_pass_sections,
    decorrelator_numbers,
)

__all__ = ["PAIRS", "Decorrelator", "all_pass_sections", "decorrelator_numbers"]
