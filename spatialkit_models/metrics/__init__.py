"""Metrics of `spatialkit.metrics` as torchmetrics classes, computed by `spatialkit_models.losses`.

``preds`` is the first argument, ``target`` the second; batches may have any size. The result is the
mean over all items of all batches and processes. Items whose metric is undefined (NaN: those with a
silent target) are excluded from the mean and counted in the state ``undefined``; infinite values
are included and make the mean infinite. In distributed training, states belong to one process
until they are synchronised, by `compute` or by ``with metric.sync_context(): ...``. Signals are
float32 or float64; half precision is refused, as its rounding would prevail in most values.
"""

from importlib import import_module

from spatialkit.validation import extra

try:
    import_module("torchmetrics")
except ImportError as error:
    message = f"spatialkit_models.metrics needs {error.name}: {extra('train')}"
    raise ImportError(message, name=error.name) from error

from spatialkit_models.metrics.binaural import (
    InterauralCoherenceError,
    InterauralILDError,
    InterauralLoudnessError,
)
from spatialkit_models.metrics.direction import (
    AngleError,
    DiffusenessDifference,
    EnergyVectorAngle,
    FrontRearDifference,
    IntensityAngle,
    LeftRightDifference,
)
from spatialkit_models.metrics.distortion import SDSDR, SISDR, SNR, DownmixError
from spatialkit_models.metrics.level import WILD, CorrelationError, ILDError, Leakage
from spatialkit_models.metrics.loudness import LoudnessDifference
from spatialkit_models.metrics.spatial_distortion import SRR, SSR
from spatialkit_models.metrics.spectral import LogSpectralDistance, MultiResolutionSTFT

__all__ = [
    "AngleError",
    "CorrelationError",
    "DiffusenessDifference",
    "DownmixError",
    "EnergyVectorAngle",
    "FrontRearDifference",
    "ILDError",
    "IntensityAngle",
    "InterauralCoherenceError",
    "InterauralILDError",
    "InterauralLoudnessError",
    "Leakage",
    "LeftRightDifference",
    "LogSpectralDistance",
    "LoudnessDifference",
    "MultiResolutionSTFT",
    "SDSDR",
    "SISDR",
    "SNR",
    "SRR",
    "SSR",
    "WILD",
]
