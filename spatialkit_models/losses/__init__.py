"""Differentiable counterparts of `spatialkit.metrics` in torch, and losses for training."""

from spatialkit_models.losses.direction import (
    angle_between,
    angle_error,
    energy_vector,
    velocity_vector,
)
from spatialkit_models.losses.distortion import (
    ERROR_FLOOR,
    SILENCE,
    error_db,
    gaussian_kl,
    sd_sdr,
    si_sdr,
    snr,
    snr_loss,
)
from spatialkit_models.losses.level import ild, ild_error, stft, wasserstein_distance, wild
from spatialkit_models.losses.precision import in_full_precision
from spatialkit_models.losses.spectral import multi_resolution_stft

__all__ = [
    "ERROR_FLOOR",
    "SILENCE",
    "angle_between",
    "angle_error",
    "energy_vector",
    "error_db",
    "gaussian_kl",
    "ild",
    "ild_error",
    "in_full_precision",
    "multi_resolution_stft",
    "sd_sdr",
    "si_sdr",
    "snr",
    "snr_loss",
    "stft",
    "velocity_vector",
    "wasserstein_distance",
    "wild",
]
