"""Network layers and signal blocks that several models share."""

from spatialkit_models.modules import wiener_filters
from spatialkit_models.modules.covariance import Moments, Resolution, joined
from spatialkit_models.modules.sparsemax import sparsemax, sparsemax_loss
from spatialkit_models.modules.stem_masks import MaskConfig, PerBand, StemMasks, mask_loss
from spatialkit_models.modules.stft import Spectra, power

__all__ = [
    "MaskConfig",
    "Moments",
    "PerBand",
    "Resolution",
    "Spectra",
    "StemMasks",
    "joined",
    "mask_loss",
    "power",
    "sparsemax",
    "sparsemax_loss",
    "wiener_filters",
]
