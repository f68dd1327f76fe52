"""Names of stems and of dataset splits."""

__all__ = ["SPLITS", "STEMS"]

STEMS = ("vocals", "drums", "bass", "other")
"""The four stems, in the order of every array that holds them."""

SPLITS = ("train", "valid", "test")
"""Dataset splits: fitting the weights, choosing among them, and reporting the result."""
