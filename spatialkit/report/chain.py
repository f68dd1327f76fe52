"""Chain from the channels to both ears: matrices, filters and rotations that a page applies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import harmonics_in
from spatialkit.binaural import HRTF, binaural_filters, read_hrtf
from spatialkit.errors import LayoutError
from spatialkit.geometry import sphere_quadrature
from spatialkit.layouts import AmbisonicFormat, Format
from spatialkit.rendering import render, render_matrix

__all__ = ["RATE", "Chain", "carried_format", "design_chain"]

RATE = 48000
"""Sample rate of pages in Hz."""

# A page holds two channels per file; browsers mix at most 32.
MAX_CHANNELS = 32


@dataclass(frozen=True, eq=False)
class Chain:
    """Rendering of a format in the browser, as `design_chain` returns it.

    Channels are encoded to Ambisonics (``matrix``), rotated, and filtered to both ears
    (``filters``). For loudspeakers, they are downmixed to stereo (``stereo``).
    """

    form: Format
    """Format of the channels that the page contains."""
    order: int
    """Ambisonic order of the rotation and the filters."""
    matrix: NDArray[np.float64]
    """From channels to AmbiX, shape (harmonics, channels)."""
    stereo: NDArray[np.float64]
    """From channels to stereo loudspeakers, shape (2, channels)."""
    filters: NDArray[np.float64]
    """From AmbiX to the ears at 48 kHz, shape (2, harmonics, taps)."""
    vectors: NDArray[np.float64]
    """Directions from whose rotation the page computes that of the harmonics, (directions, 3)."""
    inverse: NDArray[np.float64]
    """Pseudo-inverse of the harmonics in these directions, shape (directions, harmonics)."""
    hrtf: HRTF
    """Head-related transfer functions."""

    def to_ears(
        self, audio: NDArray[Any], *, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0
    ) -> NDArray[Any]:
        """Render as the page does, with the scene rotated.

        Parameters
        ----------
        audio : ndarray, shape (channels, samples)
            Channels of ``form`` at 48 kHz.
        yaw, pitch, roll : float
            Rotation of the scene in degrees; a head turned to the left is a negative yaw.

        Returns
        -------
        ndarray, shape (2, samples)
        """
        order = None if isinstance(self.form, AmbisonicFormat) else self.order
        rotation: dict[str, float] = {"yaw": yaw, "pitch": pitch, "roll": roll}
        return render(
            audio, self.form, "binaural", sample_rate=RATE, hrtf=self.hrtf, order=order, **rotation
        )


def carried_format(form: Format, order: int = 3) -> Format:
    """Return the format of the audio in a page: of Ambisonics, the harmonics up to ``order``.

    Parameters
    ----------
    form : Layout or AmbisonicFormat
    order : int
        Ambisonic order, 1 to 7.

    Raises
    ------
    LayoutError
        If it has more than 32 channels.

    Examples
    --------
    >>> from spatialkit.layouts import get_format
    >>> carried_format(get_format("ambix5")).name
    'ambix3'
    """
    if isinstance(form, AmbisonicFormat) and form.order > order:
        form = AmbisonicFormat(order)
    if form.n_channels > MAX_CHANNELS:
        raise LayoutError(
            f"a report plays at most {MAX_CHANNELS} channels, got {form.n_channels} of "
            f"{form.name!r}; render them to fewer first"
        )
    return form


def design_chain(form: Format, order: int, hrtf: Any = "ku100") -> Chain:
    """Design the chain of a format.

    Parameters
    ----------
    form : Layout or AmbisonicFormat
        Format of the audio. Of Ambisonics, a page contains the harmonics up to ``order``.
    order : int
        Ambisonic order, 1 to 7.
    hrtf : str, path or HRTF
        As in `spatialkit.read_hrtf`.

    Returns
    -------
    Chain

    Examples
    --------
    >>> from spatialkit.layouts import get_format
    >>> chain = design_chain(get_format("7.1.4"), 3)
    >>> chain.matrix.shape, chain.filters.shape
    ((16, 12), (2, 16, 256))
    """
    heads = read_hrtf(hrtf)
    carried = carried_format(form, order)
    if isinstance(carried, AmbisonicFormat):
        order = carried.order
    scene = AmbisonicFormat(order)
    vectors, _ = sphere_quadrature(2 * order)
    return Chain(
        form=carried,
        order=order,
        matrix=render_matrix(carried, scene),
        stereo=render_matrix(carried, "stereo"),
        filters=binaural_filters(heads, order, sample_rate=RATE),
        vectors=vectors,
        inverse=np.linalg.pinv(harmonics_in(vectors, scene).T).astype(np.float64),
        hrtf=heads,
    )
