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
    """The input in front, the difference of left and right at the rear."""

    name = "wide-quad"
    accepts = (2,)  # numbers of input channels
    format = get_layout("quad")  # or an option named `layout`
    options_class = Options
    memoryless = linear_level = True

    def _upmix(self, audio, sample_rate):
        """Upmix (2, samples) of any float dtype to (4, samples), time-aligned."""
        rear = 10 ** (self.options.ambience / 20) * (audio - audio[::-1])
        return np.concatenate([audio, rear])
