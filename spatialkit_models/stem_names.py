"""Names of stems and of dataset splits."""

__all__ = ["PARTS", "STEMS"]

STEMS = ("vocals", "drums", "bass", "other")
"""The four stems, in the order of every array that holds them."""

PARTS = ("train", "valid", "test")
"""What songs are for: learning, choosing when to stop, and the figure at the end."""
