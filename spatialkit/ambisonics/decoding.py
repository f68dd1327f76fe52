"""Ambisonic decoders: from harmonics to the loudspeakers of a layout.

A decoder is one matrix (two of them, above and below a crossover, if it is dual-band). Every one
is scaled so that a plane wave has energy 1 - the sum of the squared gains - in the mean over the
sphere, or over the horizontal circle for flat layouts: neither the order nor the decoder changes
the loudness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.ambisonics import harmonics
from spatialkit.ambisonics.decoder_design import (
    DECODERS,
    WEIGHTS,
    condition_number,
    design,
    modes_of,
    plane_waves,
)
from spatialkit.errors import OptionError
from spatialkit.geometry import angle_between
from spatialkit.layouts import AmbisonicFormat, Layout, get_layout
from spatialkit.validation import as_choice, as_number

__all__ = ["DecoderReport", "decode_ambisonics", "decode_foa", "decoder_matrix", "decoder_report"]

# Grid of the report: 4 degrees on the sphere, 1 degree on the horizon.
REPORT_DEGREE = 90
# The response of the crossover, once the signal has ended, is followed this far down.
TAIL_DB = 300.0
LEAST_CROSSOVER = 20.0


def decode_foa(
    ambisonics: ArrayLike,
    layout: str | Layout = "5.0",
    *,
    decoder: str = "allrad",
    weights: str = "max-re",
    crossover: float = 700.0,
    sample_rate: float | None = None,
    normalization: str = "SN3D",
    channel_order: str = "ACN",
) -> NDArray[Any]:
    """First-order Ambisonics to loudspeakers: `decode_ambisonics` for 4 channels.

    Parameters
    ----------
    ambisonics : array_like of float, shape (..., 4, samples)
    layout : str or Layout
    decoder : {"allrad", "epad", "mode-matching", "sampling"}
    weights : {"max-re", "basic", "in-phase", "dual-band"}
    crossover : float
        Hz, at least 20, for "dual-band".
    sample_rate : float, optional
        Hz, needed by "dual-band".
    normalization : {"SN3D", "N3D", "FuMa"}
    channel_order : {"ACN", "FuMa"}

    Returns
    -------
    ndarray, shape (..., channels, samples)
        In the precision of ``ambisonics``; LFE channels are silent.

    Examples
    --------
    >>> import numpy as np
    >>> ahead = np.array([[1.0], [0.0], [0.0], [1.0]])
    >>> decode_foa(ahead, "quad", decoder="sampling")[:, 0].round(3) + 0.0
    array([0.707, 0.707, 0.   , 0.   ])
    """
    audio, form = harmonics.as_ambisonics(ambisonics, normalization, channel_order, order=1)
    return _decode(audio, form, get_layout(layout), decoder, weights, crossover, sample_rate)


def decode_ambisonics(
    ambisonics: ArrayLike,
    layout: str | Layout = "5.0",
    *,
    decoder: str = "allrad",
    weights: str = "max-re",
    crossover: float = 700.0,
    sample_rate: float | None = None,
    normalization: str = "SN3D",
    channel_order: str = "ACN",
) -> NDArray[Any]:
    """Ambisonics of any order to loudspeakers.

    Parameters
    ----------
    ambisonics : array_like of float, shape (..., channels, samples)
        4 to 64 channels; the order follows from their number.
    layout : str or Layout
        A name of `layout_names` or any `Layout`.
    decoder : {"allrad", "epad", "mode-matching", "sampling"}
        As in `decoder_matrix`.
    weights : {"max-re", "basic", "in-phase", "dual-band"}
        As in `decoder_matrix`; "dual-band" is basic below the crossover and max-rE above.
    crossover : float
        Hz, at least 20, for "dual-band". Both bands are 6 dB down there and have zero phase: they
        are in phase at all frequencies, sum to the input exactly, and delay nothing.
    sample_rate : float, optional
        Hz, needed by "dual-band".
    normalization : {"SN3D", "N3D", "FuMa"}
    channel_order : {"ACN", "FuMa"}

    Returns
    -------
    ndarray, shape (..., channels, samples)
        In the precision of ``ambisonics``; LFE channels are silent.

    Raises
    ------
    ShapeError
        If the number of channels is not that of an order from 1 to 7.
    LayoutError
        If the layout is unknown, or cannot carry the order with "epad".
    OptionError
        If a decoder or weights are unknown, or "dual-band" has no sample rate above twice the
        crossover.

    Examples
    --------
    >>> import numpy as np
    >>> decode_ambisonics(np.zeros((16, 100), dtype=np.float32), "7.1.4").shape
    (12, 100)
    """
    audio, form = harmonics.as_ambisonics(ambisonics, normalization, channel_order)
    return _decode(audio, form, get_layout(layout), decoder, weights, crossover, sample_rate)


def _decode(
    audio: NDArray[Any],
    form: AmbisonicFormat,
    layout: Layout,
    decoder: str,
    weights: str,
    crossover: float,
    sample_rate: float | None,
) -> NDArray[Any]:
    weights = as_choice(weights, "weights", (*WEIGHTS, "dual-band"))
    if weights != "dual-band":
        return harmonics.apply(_matrix(layout, form, decoder, weights), audio)
    if sample_rate is None:
        raise OptionError("weights='dual-band' needs sample_rate, in Hz")
    rate = as_number(sample_rate, "sample_rate", minimum=0.0, unit="Hz")
    crossover = as_number(crossover, "crossover", minimum=LEAST_CROSSOVER, unit="Hz")
    if crossover >= rate / 2.0:
        raise OptionError(
            f"crossover must be below half the sample rate of {rate:g} Hz, got {crossover:g} Hz"
        )
    below = _matrix(layout, form, decoder, "basic")
    above = _matrix(layout, form, decoder, "max-re")
    # The high band is the input less the low band.
    low_band = _low_pass(audio, crossover / rate)
    decoded = harmonics.apply(above, audio)
    decoded += harmonics.apply(below - above, low_band)
    return decoded


def _low_pass(audio: NDArray[Any], crossover: float) -> NDArray[Any]:
    """Low band of zero phase, ``crossover`` in cycles per sample.

    A Butterworth filter of order 2 run forwards and backwards: the magnitude of a Linkwitz-Riley
    filter of order 4, whose high pass is what is left to 1.
    """
    from scipy.signal import butter, oaconvolve, sosfilt

    if not audio.size:
        return audio
    sections = butter(2, 2.0 * crossover, output="sos")
    decay = np.abs(np.roots(sections[0, 3:])).max()
    tail = int(np.ceil(-TAIL_DB / (20.0 * np.log10(decay))))
    impulse = np.zeros(2 * tail + 1)
    impulse[tail] = 1.0
    forwards = sosfilt(sections, impulse)
    response = sosfilt(sections, forwards[::-1])[::-1].astype(audio.dtype)
    response = response.reshape((1,) * (audio.ndim - 1) + (-1,))
    return oaconvolve(audio, response, mode="same", axes=-1)


def decoder_matrix(
    layout: str | Layout,
    order: int = 1,
    *,
    decoder: str = "allrad",
    weights: str = "max-re",
    normalization: str = "SN3D",
    channel_order: str = "ACN",
) -> NDArray[np.float64]:
    """Matrix that decodes Ambisonics to a layout.

    Parameters
    ----------
    layout : str or Layout
    order : int
        1 to 7; to 3 with FuMa.
    decoder : {"allrad", "epad", "mode-matching", "sampling"}
        - "allrad" pans a dense set of virtual loudspeakers with VBAP: right for any layout.
        - "epad" keeps the energy of every direction the same; needs as many loudspeakers as
          harmonics, placed all around.
        - "mode-matching" makes the loudspeakers re-create the harmonics (least squares); patterns
          that they make more than 10 dB weaker than the strongest are damped, not amplified.
        - "sampling" gives each loudspeaker the harmonics of its direction: for regular layouts.
    weights : {"max-re", "basic", "in-phase"}
        Gains of the orders: for the longest energy vector, none, or for no rear lobes. Dual-band
        decoding uses two matrices, "basic" and "max-re".
    normalization : {"SN3D", "N3D", "FuMa"}
    channel_order : {"ACN", "FuMa"}

    Returns
    -------
    ndarray of float64, shape (channels, harmonics)
        LFE rows are zero. The energy of a plane wave is 1 in the mean over the sphere, over the
        horizontal circle on flat layouts.

    Raises
    ------
    LayoutError
        If the layout is unknown, or cannot carry the order with "epad".
    OptionError
        If the decoder or the weights are unknown.

    Notes
    -----
    On flat layouts, where all loudspeakers are on the horizon, "epad", "mode-matching" and
    "sampling" decode the horizontal harmonics (degree +-n at order n) only, as circular ones with
    the weights that belong to them; "allrad" folds the whole sphere onto the circle.

    max-rE is exact: P_n at the largest root of P_{N+1}, and on the circle its twin of Chebyshev
    polynomials, cos(n pi / (2N + 2)).

    References
    ----------
    .. [1] F. Zotter, M. Frank, "All-Round Ambisonic Panning and Decoding", JAES 60(10), 2012.
    .. [2] F. Zotter, H. Pomberger, M. Noisternig, "Energy-Preserving Ambisonic Decoding", Acta
       Acustica united with Acustica 98, 2012.
    .. [3] J. Daniel, "Représentation de champs acoustiques", thesis, Université Paris 6, 2000:
       weights.

    Examples
    --------
    >>> decoder_matrix("5.1", 1, weights="basic").shape
    (6, 4)
    """
    weights = as_choice(weights, "weights", WEIGHTS)
    form = AmbisonicFormat(order, normalization, channel_order)
    return _matrix(get_layout(layout), form, decoder, weights)


def _matrix(
    layout: Layout, form: AmbisonicFormat, decoder: str, weights: str
) -> NDArray[np.float64]:
    decoder = as_choice(decoder, "decoder", DECODERS)
    acn, scale = harmonics.acn_and_scale(form)
    matrix = np.zeros((layout.n_channels, form.n_channels))
    designed = design(layout.without_lfe(), form.order, decoder, weights)
    matrix[layout.loudspeakers] = designed[:, acn] / scale
    return matrix


@dataclass(frozen=True)
class DecoderReport:
    """How a decoder treats plane waves, from `decoder_report`.

    From all directions, or from all around the horizon on flat layouts: those that no loudspeaker
    surrounds, such as the floor of 7.1.4, count too and make the worst figures.
    """

    layout: str
    order: int
    decoder: str
    weights: str
    energy_min_db: float
    """Least energy, in dB against the mean; -inf for a silent direction."""
    energy_max_db: float
    re_length_min: float
    """Shortest energy vector, 0 to 1: 1 is the sharpness of a single loudspeaker."""
    re_length_mean: float
    direction_error_mean: float
    """Angle between energy vector and plane wave, in degrees."""
    direction_error_max: float
    condition_number: float
    """Of the harmonics at the loudspeakers; infinite if they do not tell them apart, which matters
    to "epad" and "mode-matching" only."""

    def __str__(self) -> str:
        return (
            f"{self.decoder} ({self.weights}) of order {self.order} on {self.layout}: "
            f"energy {self.energy_min_db:+.1f} to {self.energy_max_db:+.1f} dB, "
            f"|rE| {self.re_length_min:.2f} at least, {self.re_length_mean:.2f} in the mean, "
            f"direction off by {self.direction_error_mean:.1f} degrees in the mean, "
            f"{self.direction_error_max:.1f} at most, "
            f"condition number {self.condition_number:.3g}"
        )


def decoder_report(
    layout: str | Layout,
    order: int = 1,
    *,
    decoder: str = "allrad",
    weights: str = "max-re",
) -> DecoderReport:
    """Energy, energy vector and conditioning of a decoder.

    Parameters
    ----------
    layout, order, decoder, weights
        As in `decoder_matrix`.

    Returns
    -------
    DecoderReport
        Over a grid of about 4 degrees, or of 1 degree on the horizon of flat layouts.

    Raises
    ------
    LayoutError, OptionError
        As in `decoder_matrix`.

    Examples
    --------
    >>> report = decoder_report("quad", 1, decoder="epad", weights="basic")
    >>> abs(report.energy_max_db) < 1e-9, round(report.re_length_mean, 3)
    (True, 0.667)
    """
    layout = get_layout(layout).without_lfe()
    matrix = decoder_matrix(layout, order, decoder=decoder, weights=weights, normalization="N3D")
    vectors, quadrature = plane_waves(layout, REPORT_DEGREE)
    energies = (harmonics.harmonics(vectors, order) @ matrix.T) ** 2
    energy = energies.sum(axis=-1)
    # A direction without energy has no energy vector, and does not count.
    heard = energy > 0.0
    energy_vectors = energies[heard] @ layout.directions / energy[heard, None]
    lengths = np.linalg.norm(energy_vectors, axis=-1)
    errors = angle_between(energy_vectors, vectors[heard])
    with np.errstate(divide="ignore"):
        energy_db = 10.0 * np.log10([energy.min(), energy.max()])
    return DecoderReport(
        layout=layout.name,
        order=order,
        decoder=decoder,
        weights=weights,
        energy_min_db=float(energy_db[0]),
        energy_max_db=float(energy_db[1]),
        re_length_min=float(lengths.min()),
        re_length_mean=float(np.average(lengths, weights=quadrature[heard])),
        direction_error_mean=float(np.average(errors, weights=quadrature[heard])),
        direction_error_max=float(errors.max()),
        condition_number=condition_number(modes_of(layout, order)),
    )
