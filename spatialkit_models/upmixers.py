"""The adaptors named in the entry points: they are listed without importing torch."""

from __future__ import annotations

from importlib.util import find_spec

from spatialkit.layouts import AmbisonicFormat, get_layout
from spatialkit.upmixing import Upmixer

__all__ = ["AmbisonizerUpmixer", "StyleVAEUpmixer"]

REQUIREMENTS = ("torch", "safetensors")


class _LearnedUpmixer(Upmixer):
    """What learned upmixers share: what they need."""

    @classmethod
    def unavailable(cls) -> str:
        """Name the extra that is missing, and say that the network is not there yet."""
        to_come = "its network and weights are still to come"
        if any(find_spec(module) is None for module in REQUIREMENTS):
            return f"needs `pip install spatialkit[models]`; {to_come}"
        return f"is not available in this version: {to_come}"


class StyleVAEUpmixer(_LearnedUpmixer):
    """Stereo to 5.0 in the spatial style of an example (arXiv 2203.12053); still to come."""

    name = "style-vae"
    accepts = (2,)
    format = get_layout("5.0")


class AmbisonizerUpmixer(_LearnedUpmixer):
    """Mono or stereo to first-order Ambisonics (arXiv 2405.13428); still to come."""

    name = "ambisonizer"
    accepts = (1, 2)
    format = AmbisonicFormat(1)
