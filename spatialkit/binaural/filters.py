"""Filters from Ambisonics to both ears."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import harmonics_in
from spatialkit.binaural import design, responses
from spatialkit.binaural.hrtf import HRTF, MIN_RATE
from spatialkit.binaural.reading import read_hrtf
from spatialkit.geometry import sphere_quadrature, to_spherical
from spatialkit.layouts import MAX_ORDER, AmbisonicFormat, Normalization
from spatialkit.typing import StrPath
from spatialkit.validation import MAX_SAMPLE_RATE, as_choice, as_count, as_number, as_sample_rate

__all__ = ["METHODS", "Method", "binaural_filters"]

Method: TypeAlias = Literal[
    "auto", "magls-covariance", "magls", "time-aligned", "least-squares", "virtual-loudspeakers"
]
"""Design of binaural filters."""

METHODS: tuple[Method, ...] = get_args(Method)

# Order from which "auto" constrains the covariance: below it the constraint costs 0.2 to 0.4 dB of
# the magnitudes, from there on 0.1 dB.
COVARIANCE_ORDER = 3
# Hz, by order; the last one also for higher orders. With higher ones the magnitudes are worse, with
# lower ones the interaural time differences are.
TRANSITIONS = {1: 1050.0, 2: 1150.0, 3: 1500.0}
# Seconds of the filters: 256 samples at 48 kHz. Half of that costs 0.2 dB.
DURATION = 256 / 48000.0
# Largest difference of mirrored filters, relative to their peak, of a set that is symmetric.
ROUNDING = 1e-8
# Transforms are this many times longer than the filters.
OVERSAMPLING = 4


def binaural_filters(
    hrtf: StrPath | HRTF = "ku100",
    order: int = 3,
    *,
    method: Method = "auto",
    transition: float | None = None,
    taps: int | None = None,
    sample_rate: float = 48000,
    normalization: Normalization = "SN3D",
) -> NDArray[np.float64]:
    """Design filters that render Ambisonics for headphones.

    Parameters
    ----------
    hrtf : str, path or HRTF
        As in `read_hrtf`.
    order : int
        Ambisonic order, 1 to 7.
    method : str
        "magls"
            Magnitude least squares: complex error below the transition, and above it the error of
            the magnitudes only, as interaural phase is inaudible there [1]_.
        "magls-covariance"
            The same, then the levels and the coherence of both ears in a diffuse field are made
            those of the HRTF [2]_: at low orders, sound from around the listener is otherwise too
            coherent.
        "time-aligned"
            Least squares, with the delays of all directions made equal above the transition [2]_.
        "least-squares"
            Smallest complex error at all frequencies: dull at high frequencies, for comparison.
        "virtual-loudspeakers"
            Loudspeakers in 8 (order 1) to 128 directions (order 7), with one HRIR pair each.
        "auto"
            "magls" up to order 2, "magls-covariance" from order 3 on.
    transition : float, optional
        Hz, 100 to 20000; by default 1050, 1150 and 1500 for orders 1, 2, and 3 or more.
    taps : int, optional
        Length of the filters; by default 5.33 ms, 256 at 48 kHz.
    sample_rate : float
        Hz, at least 8000.
    normalization : {"SN3D", "N3D", "FuMa"}
        Normalization of the Ambisonics, in ACN order.

    Returns
    -------
    ndarray of float64, shape (2, (order + 1)**2, taps)
        Left and right ear. The sum over the harmonics of the convolved channels is the signal of an
        ear, see `binauralize`. The delay is that of the HRTF.

    Raises
    ------
    AudioFileError
        As in `read_hrtf`.
    OptionError
        If an argument is not accepted.

    References
    ----------
    .. [1] C. Schörkhuber, M. Zaunschirm and R. Höldrich, "Binaural Rendering of Ambisonic Signals
       via Magnitude Least Squares", DAGA 2018.
    .. [2] M. Zaunschirm, C. Schörkhuber and R. Höldrich, "Binaural rendering of Ambisonic signals
       by head-related impulse response time alignment and a diffuseness constraint", J. Acoust.
       Soc. Am. 143(6), 2018.

    Examples
    --------
    >>> binaural_filters("ku100", order=1).shape
    (2, 4, 256)
    """
    order = as_count(order, "order", maximum=MAX_ORDER)
    method = as_choice(method, "method", METHODS)
    rate = as_sample_rate(sample_rate, minimum=MIN_RATE, maximum=MAX_SAMPLE_RATE)
    taps = round(DURATION * rate) if taps is None else as_count(taps, "taps", maximum=1 << 16)
    if transition is None:
        transition = TRANSITIONS[min(order, max(TRANSITIONS))]
    transition = as_number(transition, "transition", minimum=100.0, maximum=20000.0, unit="Hz")
    form = AmbisonicFormat(order, normalization)
    filters = _designed(read_hrtf(hrtf), order, method, transition, taps, rate)
    # Harmonics of different scale: a louder channel needs less gain.
    ahead = np.array([[0.36, 0.48, 0.8]])  # no harmonic is zero there
    n3d = AmbisonicFormat(order, "N3D")
    return filters * (harmonics_in(ahead, n3d) / harmonics_in(ahead, form))[..., None]


@lru_cache(maxsize=16)
def _designed(
    hrtf: HRTF, order: int, method: Method, transition: float, taps: int, rate: int
) -> NDArray[np.float64]:
    """Return the filters (2, harmonics, taps) of N3D harmonics."""
    if method == "auto":
        method = "magls-covariance" if order >= COVARIANCE_ORDER else "magls"
    # Designed at the rate of the set, and then converted.
    own_taps = -(-taps * hrtf.sample_rate // rate)
    longest = max(own_taps, round(DURATION * hrtf.sample_rate), hrtf.ir.shape[-1])
    n_fft = OVERSAMPLING * responses.fft_size(longest) // 2
    spectra = _symmetric(_spectra(hrtf, order, method, transition, n_fft))
    filters = np.fft.irfft(spectra, n_fft, axis=-1)[..., :own_taps]
    filters = responses.resample(filters, hrtf.sample_rate, rate)
    filters = np.pad(filters, ((0, 0), (0, 0), (0, max(0, taps - filters.shape[-1]))))[..., :taps]
    filters.flags.writeable = False
    return filters


def _symmetric(spectra: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return filters without the rounding errors by which those of a symmetric set are not.

    They grow from bin to bin. Harmonics of negative degree change their sign when left and right
    are exchanged.
    """
    acn = np.arange(spectra.shape[1])
    order = np.floor(np.sqrt(acn)).astype(np.intp)
    mirrored = spectra[::-1] * np.where(acn < order * (order + 1), -1.0, 1.0)[:, None]
    if np.abs(mirrored - spectra).max() > ROUNDING * np.abs(spectra).max():
        return spectra
    return 0.5 * (spectra + mirrored)


def _spectra(
    hrtf: HRTF, order: int, method: Method, transition: float, n_fft: int
) -> NDArray[np.complex128]:
    form = AmbisonicFormat(order, "N3D")
    if method == "virtual-loudspeakers":
        vectors, weights = sphere_quadrature(2 * order)
        spectra = np.fft.rfft(hrtf.at(*to_spherical(vectors)), n_fft, axis=-1)
        return design.least_squares(spectra, harmonics_in(vectors, form).T * weights)
    spectra = np.fft.rfft(hrtf.ir, n_fft, axis=-1)
    harmonics = harmonics_in(hrtf.vectors, form)
    # The error is the mean over the sphere, not over the measured directions.
    roots: NDArray[np.float64] = np.sqrt(hrtf.weights)[:, None]
    projection: NDArray[np.float64] = np.linalg.pinv(harmonics * roots) * roots.T
    frequencies = responses.frequencies(n_fft, hrtf.sample_rate)
    if method == "least-squares":
        return design.least_squares(spectra, projection)
    if method == "time-aligned":
        excess = (hrtf.delays - hrtf.delays.mean()) / hrtf.sample_rate
        return design.time_aligned(spectra, excess, projection, frequencies, transition)
    filters = design.magnitude_least_squares(
        spectra, harmonics, projection, frequencies, transition
    )
    if method == "magls":
        return filters
    return design.constrain_covariance(filters, spectra, hrtf.weights)
