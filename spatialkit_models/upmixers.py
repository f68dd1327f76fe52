"""The adaptors named in the entry points: they are listed without importing torch."""

from __future__ import annotations

from spatialkit_models._ambisonizer_upmixer import AmbisonizerUpmixer
from spatialkit_models._style_upmixer import StyleVAEUpmixer

__all__ = ["AmbisonizerUpmixer", "StyleVAEUpmixer"]
