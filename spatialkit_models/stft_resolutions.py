"""STFTs of the published Ambisonizer's loss, which trains in torch and is measured in NumPy."""

__all__ = ["LEAST_POWER", "RESOLUTIONS"]

RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
"""Samples of the transform, from frame to frame, and of the Hann window."""

LEAST_POWER = 1e-8
