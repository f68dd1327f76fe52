"""Resolutions of the multi-resolution STFT loss, shared by torch (training) and NumPy."""

__all__ = ["MIN_POWER", "RESOLUTIONS"]

RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
"""FFT length, hop and window length of each STFT, samples."""

MIN_POWER = 1e-8
"""Powers below count as this power."""
