"""Ambisonic decoders: from Ambisonics to the loudspeakers of a layout.

A decoder is one matrix; a dual-band decoder is two, below and above a crossover. Each matrix is
scaled so that the energy of a plane wave (the sum of the squared gains) is 1 in the mean over the
sphere, or over the horizon for flat layouts: neither the order nor the decoder changes the
loudness.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import harmonics
from spatialkit.ambisonics.decoder_design import (
    DECODERS,
    FOA_DECODERS,
    ORDER_WEIGHTS,
    WEIGHTS,
    Decoder,
    FoaDecoder,
    OrderWeights,
    Weights,
    design,
)
from spatialkit.ambisonics.parametric import decode_parametric, first_order
from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.errors import OptionError
from spatialkit.layouts import AmbisonicFormat, ChannelOrder, Layout, Normalization, get_layout
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import MAX_SAMPLE_RATE, as_choice, as_number, as_sample_rate

__all__ = ["decode_ambisonics", "decode_foa", "decoder_matrix"]

# Level at which the decay of the crossover filter is cut off.
TAIL_DB = 300.0
MIN_CROSSOVER = 20.0


def decode_foa(
    ambisonics: AudioLike[FloatT],
    layout: str | Layout = "5.0",
    *,
    decoder: FoaDecoder = "allrad",
    weights: Weights = "max-re",
    crossover: float = 700.0,
    sample_rate: float | None = None,
    normalization: Normalization | None = None,
    channel_order: ChannelOrder | None = None,
) -> FloatArray[FloatT]:
    """Decode first-order Ambisonics to loudspeakers, also sharply ("dirac").

    Parameters
    ----------
    ambisonics : array_like of float or Audio, shape (..., 4, samples)
    layout : str or Layout
    decoder : {"allrad", "epad", "mode-matching", "sampling", "dirac"}
        All but the last are linear, as in `decode_ambisonics`. "dirac" (directional audio coding,
        see Notes) is as sharp as fifth-order Ambisonics where few sources are loud at the same time
        and frequency, but is an estimate.
    weights : {"max-re", "basic", "in-phase", "dual-band"}
        Of linear decoders.
    crossover : float
        Hz, at least 20, for "dual-band".
    sample_rate : float, optional
        Hz; required by "dual-band" and "dirac" unless ``ambisonics`` is an `Audio`.
    normalization : {"SN3D", "N3D", "FuMa"}, optional
        Normalization of ``ambisonics``. By default that of an `Audio`, else "SN3D".
    channel_order : {"ACN", "FuMa"}, optional
        Channel order of ``ambisonics``. By default that of an `Audio`, else "ACN".

    Returns
    -------
    ndarray, shape (..., channels, samples)
        In the precision of ``ambisonics``; LFE channels are silent.

    Notes
    -----
    "dirac" estimates a direction and the part of the sound that comes from it in frames of 23 ms
    below 2 kHz and 6 ms above, with longer means of steady sounds. This part is panned by VBAP.
    What remains of the four channels is decoded by "allrad", and decorrelated where the sound field
    has been diffuse for a quarter of a second, so that a diffuse field stays diffuse. On four stems
    of music in 7.1.4 the direction error is 4 degrees, that of the linear decoder 12; differences
    to the panned stems are 15 dB below them, those of the linear decoder 2 dB. The price: the
    result of a sum is not the sum of the results, and sources that overlap all the time attract
    each other. The stream is
    `ParametricStream`.

    Examples
    --------
    >>> import numpy as np
    >>> ahead = np.array([[1.0], [0.0], [0.0], [1.0]])
    >>> decode_foa(ahead, "quad", decoder="sampling")[:, 0].round(3) + 0.0
    array([0.707, 0.707, 0.   , 0.   ])
    """
    decoder = as_choice(decoder, "decoder", FOA_DECODERS)
    if decoder == "dirac":
        if as_choice(weights, "weights", WEIGHTS) != "max-re":
            raise OptionError(f"weights={weights!r} has no effect on decoder='dirac'; omit it")
        scene = first_order(ambisonics, sample_rate, normalization, channel_order)
        return decode_parametric(scene[0], get_layout(layout), scene[1])
    audio, form = harmonics.as_ambisonics(ambisonics, normalization, channel_order, order=1)
    _, rate, _ = unpack_audio(ambisonics, sample_rate=sample_rate, name="ambisonics")
    return _decode(audio, form, get_layout(layout), decoder, weights, crossover, rate)


def decode_ambisonics(
    ambisonics: AudioLike[FloatT],
    layout: str | Layout = "5.0",
    *,
    decoder: Decoder = "allrad",
    weights: Weights = "max-re",
    crossover: float = 700.0,
    sample_rate: float | None = None,
    normalization: Normalization | None = None,
    channel_order: ChannelOrder | None = None,
) -> FloatArray[FloatT]:
    """Decode Ambisonics of any order to loudspeakers.

    Parameters
    ----------
    ambisonics : array_like of float or Audio, shape (..., channels, samples)
        4 to 64 channels; their number determines the order.
    layout : str or Layout
        A name of `layout_names` or any `Layout`.
    decoder : {"allrad", "epad", "mode-matching", "sampling"}
        As in `decoder_matrix`.
    weights : {"max-re", "basic", "in-phase", "dual-band"}
        As in `decoder_matrix`; "dual-band" is basic below the crossover and max-rE above.
    crossover : float
        Hz, at least 20, for "dual-band". Both bands are 6 dB down at the crossover and have zero
        phase: they are in phase at all frequencies, sum to the input exactly and add no delay.
    sample_rate : float, optional
        Hz; required by "dual-band" unless ``ambisonics`` is an `Audio`.
    normalization : {"SN3D", "N3D", "FuMa"}, optional
        Normalization of ``ambisonics``. By default that of an `Audio`, else "SN3D".
    channel_order : {"ACN", "FuMa"}, optional
        Channel order of ``ambisonics``. By default that of an `Audio`, else "ACN".

    Returns
    -------
    ndarray, shape (..., channels, samples)
        In the precision of ``ambisonics``; LFE channels are silent.

    Raises
    ------
    ShapeError
        If the number of channels is not that of an order from 1 to 7.
    LayoutError
        If the layout is unknown, "epad" does not support the order on the layout, or an argument
        contradicts the `Audio`.
    OptionError
        If the decoder or the weights are unknown, or the sample rate of "dual-band" is missing,
        contradicts the `Audio` or is not above twice the crossover.

    Examples
    --------
    >>> import numpy as np
    >>> decode_ambisonics(np.zeros((16, 100), dtype=np.float32), "7.1.4").shape
    (12, 100)
    """
    audio, form = harmonics.as_ambisonics(ambisonics, normalization, channel_order)
    _, rate, _ = unpack_audio(ambisonics, sample_rate=sample_rate, name="ambisonics")
    return _decode(audio, form, get_layout(layout), decoder, weights, crossover, rate)


def _decode(
    audio: FloatArray[FloatT],
    form: AmbisonicFormat,
    layout: Layout,
    decoder: Decoder,
    weights: Weights,
    crossover: float,
    sample_rate: float | None,
) -> FloatArray[FloatT]:
    weights = as_choice(weights, "weights", WEIGHTS)
    if weights != "dual-band":
        return harmonics.apply(_matrix(layout, form, decoder, weights), audio)
    if sample_rate is None:
        raise OptionError("weights='dual-band' needs sample_rate, in Hz")
    rate = as_sample_rate(sample_rate, maximum=MAX_SAMPLE_RATE)
    crossover = as_number(crossover, "crossover", minimum=MIN_CROSSOVER, unit="Hz")
    if crossover >= rate / 2.0:
        raise OptionError(
            f"crossover must be below half the sample rate of {rate} Hz, got {crossover:g} Hz"
        )
    below = _matrix(layout, form, decoder, "basic")
    above = _matrix(layout, form, decoder, "max-re")
    # The high band is the input minus the low band.
    low_band = _low_pass(audio, crossover / rate)
    decoded = harmonics.apply(above, audio)
    decoded += harmonics.apply(below - above, low_band)
    return decoded


def _low_pass(audio: FloatArray[FloatT], crossover: float) -> FloatArray[FloatT]:
    """Compute the low band with zero phase, ``crossover`` in cycles per sample.

    The filter is a Butterworth filter of order 2 applied forwards and backwards. It has the
    magnitude of a Linkwitz-Riley filter of order 4, whose high-pass is 1 minus its low-pass.
    """
    from scipy.signal import butter, oaconvolve, sosfilt

    if not audio.size:
        return audio
    sections = butter(2, 2.0 * crossover, output="sos")
    decay = np.abs(np.roots(sections[0, 3:])).max()
    tail = int(np.ceil(-TAIL_DB / (20.0 * np.log10(decay))))
    impulse = np.zeros(2 * tail + 1)
    impulse[tail] = 1.0
    # The response is symmetric: it is the same in the reversed time of the second filter.
    response = sosfilt(sections, sosfilt(sections, impulse)[::-1]).astype(audio.dtype)
    response = response.reshape((1,) * (audio.ndim - 1) + (-1,))
    low_band: FloatArray[FloatT] = oaconvolve(audio, response, mode="same", axes=-1)
    return low_band


def decoder_matrix(
    layout: str | Layout,
    order: int = 1,
    *,
    decoder: Decoder = "allrad",
    weights: OrderWeights = "max-re",
    normalization: Normalization = "SN3D",
    channel_order: ChannelOrder = "ACN",
) -> NDArray[np.float64]:
    """Compute the matrix that decodes Ambisonics to a layout.

    Parameters
    ----------
    layout : str or Layout
    order : int
        1 to 7; at most 3 with FuMa.
    decoder : {"allrad", "epad", "mode-matching", "sampling"}
        - "allrad" pans a dense set of virtual loudspeakers with VBAP; suits any layout.
        - "epad" preserves the energy of every direction; needs at least as many loudspeakers as
          harmonics, all around the listener.
        - "mode-matching" reproduces the harmonics at the listener in the least-squares sense;
          patterns that the loudspeakers reproduce more than 10 dB weaker than the strongest one
          are attenuated, not amplified.
        - "sampling" evaluates the harmonics at each loudspeaker's direction; suits regular
          layouts.
    weights : {"max-re", "basic", "in-phase"}
        Gains of the orders: "max-re" maximizes the length of the energy vector, "basic" is 1 for
        every order, "in-phase" removes rear lobes. Dual-band decoding uses two matrices, "basic"
        and "max-re".
    normalization : {"SN3D", "N3D", "FuMa"}
        Normalization of the Ambisonics to be decoded.
    channel_order : {"ACN", "FuMa"}
        Channel order of the Ambisonics to be decoded.

    Returns
    -------
    ndarray of float64, shape (channels, harmonics)
        LFE rows are zero. The energy of a plane wave is 1 in the mean over the sphere, or over the
        horizon on flat layouts.

    Raises
    ------
    LayoutError
        If the layout is unknown, or "epad" does not support the order on it.
    OptionError
        If the decoder or the weights are unknown.

    Notes
    -----
    On flat layouts, where all loudspeakers are on the horizon, "epad", "mode-matching" and
    "sampling" decode only the horizontal harmonics (degree +-n at order n), as circular harmonics
    with the corresponding weights; "allrad" projects the whole sphere onto the circle.

    The max-rE weights are exact: P_n at the largest root of P_{N+1} on the sphere, and the
    equivalent with Chebyshev polynomials on the circle, cos(n pi / (2N + 2)).

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
    weights = as_choice(weights, "weights", ORDER_WEIGHTS)
    form = AmbisonicFormat(order, normalization, channel_order)
    return _matrix(get_layout(layout), form, decoder, weights)


def _matrix(
    layout: Layout, form: AmbisonicFormat, decoder: Decoder, weights: OrderWeights
) -> NDArray[np.float64]:
    decoder = as_choice(decoder, "decoder", DECODERS)
    acn, scale = harmonics.acn_and_scale(form)
    matrix = np.zeros((layout.n_channels, form.n_channels))
    designed = design(layout.without_lfe(), form.order, decoder, weights)
    matrix[layout.loudspeakers] = designed[:, acn] / scale
    return matrix
