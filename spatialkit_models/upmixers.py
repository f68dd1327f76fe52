"""Upmixers named in the entry points; listing them does not import torch."""

from __future__ import annotations

from spatialkit_models.ambisonizer import AmbisonizerUpmixer
from spatialkit_models.style_vae import StyleVAEUpmixer

__all__ = ["AmbisonizerUpmixer", "StyleVAEUpmixer"]
