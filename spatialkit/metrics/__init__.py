"""Metrics of distortion, direction, level differences and loudness.

The reference is the first argument, the estimate the second, ``(..., channels, samples)`` each; the
result has one float64 value per item of the batch axes. NaN or infinity in a signal is an error
that contains the first index. Each docstring specifies the result for silent signals.
"""

from spatialkit.metrics.balance import front_rear_balance, left_right_balance
from spatialkit.metrics.batch_evaluation import evaluate_batch
from spatialkit.metrics.binaural import interaural_coherence, itd
from spatialkit.metrics.citations import bibtex, citation
from spatialkit.metrics.comparison import Comparison, compare_systems
from spatialkit.metrics.definitions import GROUPS, METRICS, ON_REQUEST, UNITS, select_metrics
from spatialkit.metrics.direction import (
    MIN_RELATIVE_EIGENVALUE,
    MIN_RELATIVE_LEVEL,
    AngleWeighting,
    angle_error,
    energy_vector,
    velocity_vector,
)
from spatialkit.metrics.distortion import downmix_error, sd_sdr, si_sdr, snr
from spatialkit.metrics.evaluation import evaluate
from spatialkit.metrics.file_signal import read_signal
from spatialkit.metrics.ild_distance import WildMethod, ild_error, wasserstein_distance, wild
from spatialkit.metrics.intensity import active_intensity, diffuseness, energy_density
from spatialkit.metrics.interaural import InterauralErrors, interaural_errors
from spatialkit.metrics.interchannel import correlation, icc, ild, ipd
from spatialkit.metrics.interchannel_errors import (
    CORRELATION_FRAMES,
    CORRELATION_SECONDS,
    correlation_error,
)
from spatialkit.metrics.k_weighting import KWeighting
from spatialkit.metrics.leakage import leakage
from spatialkit.metrics.loudness import (
    loudness,
    loudness_range,
    momentary_loudness,
    short_term_loudness,
)
from spatialkit.metrics.loudness_meter import LoudnessMeter, channel_weights, gated_loudness
from spatialkit.metrics.paired_tests import PairedTest
from spatialkit.metrics.peaks import TruePeakMeter, true_peak
from spatialkit.metrics.results import Results
from spatialkit.metrics.spatial_distortion import SpatialDistortion, spatial_distortion
from spatialkit.metrics.spectral import (
    STFT_MIN_POWER,
    STFT_RESOLUTIONS,
    log_spectral_distance,
    multi_resolution_stft,
)
from spatialkit.metrics.statistics import bootstrap_interval, holm_bonferroni
from spatialkit.metrics.summary import MetricSummary

__all__ = [
    "AngleWeighting",
    "CORRELATION_FRAMES",
    "CORRELATION_SECONDS",
    "Comparison",
    "GROUPS",
    "InterauralErrors",
    "KWeighting",
    "LoudnessMeter",
    "METRICS",
    "MIN_RELATIVE_EIGENVALUE",
    "MIN_RELATIVE_LEVEL",
    "MetricSummary",
    "ON_REQUEST",
    "PairedTest",
    "Results",
    "STFT_MIN_POWER",
    "STFT_RESOLUTIONS",
    "SpatialDistortion",
    "TruePeakMeter",
    "UNITS",
    "WildMethod",
    "active_intensity",
    "angle_error",
    "bibtex",
    "bootstrap_interval",
    "channel_weights",
    "citation",
    "compare_systems",
    "correlation",
    "correlation_error",
    "diffuseness",
    "downmix_error",
    "energy_density",
    "energy_vector",
    "evaluate",
    "evaluate_batch",
    "front_rear_balance",
    "gated_loudness",
    "holm_bonferroni",
    "icc",
    "ild",
    "ild_error",
    "interaural_coherence",
    "interaural_errors",
    "ipd",
    "itd",
    "leakage",
    "left_right_balance",
    "log_spectral_distance",
    "loudness",
    "loudness_range",
    "momentary_loudness",
    "multi_resolution_stft",
    "read_signal",
    "sd_sdr",
    "select_metrics",
    "short_term_loudness",
    "si_sdr",
    "snr",
    "spatial_distortion",
    "true_peak",
    "velocity_vector",
    "wasserstein_distance",
    "wild",
]
