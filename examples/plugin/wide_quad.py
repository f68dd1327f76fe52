"""An upmixer for spatialkit."""

from dataclasses import dataclass

import numpy as np

from spatialkit import Upmixer, get_layout
from spatialkit.upmixing import controls


@dataclass(frozen=True)
class Options:
    """Options of `WideQuad`."""

    ambience: float = controls.ambience(-6.0)
    exact_downmix: bool = controls.exact_downmix()


class WideQuad(Upmixer):
    """Fronts as they are, the difference of the sides behind."""

    name = "wide-quad"
    accepts = (2,)  # channel counts of the input
    format = get_layout("quad")  # or an option called `layout`
    options_class = Options
    memoryless = linear_level = True

    def _upmix(self, audio, sample_rate):
        """(2, samples) to (4, samples), aligned in time, of any float dtype."""
        behind = 10 ** (self.options.ambience / 20) * (audio - audio[::-1])
        return np.concatenate([audio, behind])
