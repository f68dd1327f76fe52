"""Powers of stems by time and frequency band, computed once per song, and mixes of them."""

from spatialkit_models.data.powers.cache import SongPowers, cache_powers, open_powers
from spatialkit_models.data.powers.config import PowerMixConfig
from spatialkit_models.data.powers.mixes import PowerMixes
from spatialkit_models.data.powers.natural import natural_excerpts

__all__ = [
    "PowerMixConfig",
    "PowerMixes",
    "SongPowers",
    "cache_powers",
    "natural_excerpts",
    "open_powers",
]
