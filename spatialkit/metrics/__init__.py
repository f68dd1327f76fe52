"""Measures of level, direction, distortion and loudness, of batches of signals.

Reference first, estimate second, ``(..., channels, samples)`` each; one float64 value per item of
the batch axes, never a mean over them. NaN or infinity in a signal is an error that names the
first place. What silence gives is said in each docstring.
"""

from spatialkit.metrics.direction import (
    MIN_RELATIVE_EIGENVALUE,
    MIN_RELATIVE_LEVEL,
    active_intensity,
    angle_error,
    diffuseness,
    energy_density,
    energy_vector,
    velocity_vector,
)
from spatialkit.metrics.distortion import downmix_error, sd_sdr, si_sdr, snr
from spatialkit.metrics.evaluation import UNITS, evaluate
from spatialkit.metrics.level import icc, ild, ild_error, ipd, wasserstein_distance, wild
from spatialkit.metrics.loudness import loudness, true_peak

__all__ = [
    "MIN_RELATIVE_EIGENVALUE",
    "MIN_RELATIVE_LEVEL",
    "UNITS",
    "active_intensity",
    "angle_error",
    "diffuseness",
    "downmix_error",
    "energy_density",
    "energy_vector",
    "evaluate",
    "icc",
    "ild",
    "ild_error",
    "ipd",
    "loudness",
    "sd_sdr",
    "si_sdr",
    "snr",
    "true_peak",
    "velocity_vector",
    "wasserstein_distance",
    "wild",
]
