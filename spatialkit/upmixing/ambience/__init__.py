"""Direct and ambient decomposition of stereo."""

from spatialkit.upmixing.ambience.upmixer import Ambience

__all__ = [
    "Ambience",
]
