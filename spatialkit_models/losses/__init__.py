"""Differentiable counterparts of `spatialkit.metrics` in torch, and losses for training.

All have the names, argument order (reference first), defaults, floors and special cases of the
core, batch axes, and equal values up to the rounding of the input's precision. float16 and bfloat16
are computed in float32, also under autocast. Where a value is NaN or infinite by definition (a
silent reference, two equal signals), its gradient is zero, never NaN. NaN in a signal gives NaN: a
check would wait for the device.
"""

from spatialkit_models.losses.balance import front_rear_balance, left_right_balance
from spatialkit_models.losses.binaural import (
    InterauralErrors,
    interaural_coherence,
    interaural_errors,
)
from spatialkit_models.losses.direction import (
    angle_between,
    angle_error,
    energy_vector,
    velocity_vector,
)
from spatialkit_models.losses.distortion import (
    ERROR_FLOOR,
    SILENCE,
    downmix_error,
    error_db,
    gaussian_kl,
    sd_sdr,
    si_sdr,
    snr,
    snr_loss,
)
from spatialkit_models.losses.intensity import active_intensity, diffuseness, energy_density
from spatialkit_models.losses.interchannel import correlation, correlation_error, icc, ild, ipd
from spatialkit_models.losses.level import ild_error, leakage, wasserstein_distance, wild
from spatialkit_models.losses.loudness import (
    loudness,
    momentary_loudness,
    short_term_loudness,
)
from spatialkit_models.losses.precision import in_full_precision
from spatialkit_models.losses.spatial_distortion import SpatialDistortion, spatial_distortion
from spatialkit_models.losses.spectra import stft
from spatialkit_models.losses.spectral import log_spectral_distance, multi_resolution_stft

__all__ = [
    "ERROR_FLOOR",
    "SILENCE",
    "InterauralErrors",
    "SpatialDistortion",
    "active_intensity",
    "angle_between",
    "angle_error",
    "correlation",
    "correlation_error",
    "diffuseness",
    "downmix_error",
    "energy_density",
    "energy_vector",
    "error_db",
    "front_rear_balance",
    "gaussian_kl",
    "icc",
    "ild",
    "ild_error",
    "in_full_precision",
    "interaural_coherence",
    "interaural_errors",
    "ipd",
    "leakage",
    "left_right_balance",
    "log_spectral_distance",
    "loudness",
    "momentary_loudness",
    "multi_resolution_stft",
    "sd_sdr",
    "short_term_loudness",
    "si_sdr",
    "snr",
    "snr_loss",
    "spatial_distortion",
    "stft",
    "velocity_vector",
    "wasserstein_distance",
    "wild",
]
