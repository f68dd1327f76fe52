"""Knowledge about the stems of the example of a style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import OptionError
from spatialkit_models.separation import Separator, choose_separator
from spatialkit_models.style_vae.directions import parse_directions
from spatialkit_models.style_vae.gains import stem_gains

__all__ = ["NO_HINTS", "StemHints"]


@dataclass(frozen=True)
class StemHints:
    """Knowledge about an example by which its stems are told apart.

    Parameters
    ----------
    separator : Separator, optional
        Separator of the downmix; by default the network's own masks.
    named : ndarray, shape (stems, 5), optional
        Gains near which stems are, NaN for the others.
    """

    separator: Separator | None = None
    named: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, stems: Any, separator: Any, names: Any, *, has_stems: bool) -> StemHints:
        """Return what options specify, or raise an OptionError if the model has no stems."""
        chosen = choose_separator(stems, separator, default="")
        places = parse_directions(names) if isinstance(names, str) and names else names
        if (chosen or places) and not has_stems:
            raise OptionError(
                "stems, separator and names of an example have no effect with the variant "
                "'paper', which has no stems: leave them out"
            )
        return cls(chosen, stem_gains(places, np.nan) if places else None)


NO_HINTS = StemHints()
