"""Names of stems and of dataset splits."""

__all__ = ["N_STEMS", "SPLITS", "STEMS"]

STEMS = ("vocals", "drums", "bass", "other")
"""The four stems, in the order of every array that holds them."""

N_STEMS = len(STEMS)
"""Number of stems."""

SPLITS = ("train", "valid", "test")
"""Dataset splits: fitting the weights, choosing among them, and reporting the result."""
