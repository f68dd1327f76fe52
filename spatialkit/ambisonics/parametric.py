"""Sharp decoding of first-order Ambisonics: direction and diffuseness of each time and frequency.

Four channels determine one direction at a time. In music and speech, few sources are loud at the
same time and frequency, so that the direct sound can be panned to where it comes from, and only the
rest is decoded by a matrix [1]_, [2]_.

.. [1] V. Pulkki, "Spatial Sound Reproduction with Directional Audio Coding", J. Audio Eng. Soc.
   55(6), 2007.
.. [2] A. Politis, S. Tervo, V. Pulkki, "COMPASS: Coding and Multidirectional Parameterization of
   Ambisonic Sound Scenes", ICASSP 2018.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import harmonics
from spatialkit.ambisonics.decoder_design import design
from spatialkit.ambisonics.transforms import convert_foa
from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.decorrelation import Decorrelator, decorrelator_numbers
from spatialkit.errors import OptionError, ShapeError
from spatialkit.layouts import AmbisonicFormat, ChannelOrder, Layout, Normalization, get_layout
from spatialkit.panning import panner
from spatialkit.sample_queue import SampleQueue
from spatialkit.stft import StreamingISTFT, StreamingSTFT
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import as_audio, as_sample_rate, require_finite

__all__ = ["ParametricStream", "decode_parametric", "upscale_ambisonics"]

# Frame in seconds and time constant of the means, below and above the crossover: long frames
# separate tones, short ones keep the attack of transients.
_BANDS = ((0.0232, 0.015), (0.0058, 0.005))
_CROSSOVER = (1500.0, 2500.0)  # Hz, from one band to the other
_HOPS_IN_FRAME = 4
# Time constants of the means that measure how steady and how diffuse the sound is, and of the means
# of the field where it is steady: short ones would make musical noise.
_SLOW_SECONDS, _STEADY_SECONDS = 0.25, 0.5
# Samples of a whole signal that are converted at a time.
_BLOCK_SIZE = 1 << 16


class ParametricStream:
    """Decode first-order blocks sharply; joined, they equal the result of the whole.

    Parameters
    ----------
    target : str, Layout or int
        Loudspeaker layout, or Ambisonic order from 2 to 7 (ACN, SN3D).
    sample_rate : float
        Hz, at least 8000.

    Attributes
    ----------
    latency : int
        Largest number of samples that are held back.

    Examples
    --------
    >>> stream = ParametricStream("7.1.4", 48000)
    >>> block = np.zeros((4, 4800), np.float32)
    >>> first = stream.process(block)
    >>> rest = stream.flush()
    >>> first.shape[1] + rest.shape[1]
    4800
    """

    def __init__(self, target: str | Layout | int, sample_rate: float) -> None:
        self.sample_rate = as_sample_rate(sample_rate, minimum=8000)
        self._layout = None if isinstance(target, int) else get_layout(target)
        if isinstance(target, int):
            form = AmbisonicFormat(target)
            if form.order < 2:
                raise OptionError(f"order must be from 2 to 7, got {target}")
            self._n_outputs, self._loudspeakers = form.n_channels, np.arange(form.n_channels)
            self._matrix = np.eye(form.n_channels, 4)
            self._gains: Callable[[NDArray[np.float64]], NDArray[np.float64]]
            self._gains = lambda vectors: harmonics.harmonics_in(vectors, form)
        elif self._layout is not None:
            self._n_outputs = self._layout.n_channels
            self._loudspeakers = self._layout.loudspeakers
            scale = harmonics.acn_and_scale(AmbisonicFormat(1))[1]
            self._matrix = design(self._layout.without_lfe(), 1, "allrad", "max-re") / scale
            pan, keep = panner(self._layout), self._layout.loudspeakers
            self._gains = lambda vectors: pan.gains(vectors, np.zeros(len(vectors)))[:, keep]
        self._bands = [_Band(number, self.sample_rate) for number in range(len(_BANDS))]
        self.latency = max(band.latency for band in self._bands)
        self._queues: list[SampleQueue] = []
        self._decorrelators: list[Decorrelator] = []
        self._received = 0

    def process(self, block: NDArray[Any]) -> NDArray[Any]:
        """Return the samples (outputs, ready) that are ready after the next block (4, samples)."""
        array = as_audio(block, "block", channels=4, of="order 1")
        if array.ndim != 2:
            raise ShapeError(f"block must have shape (4, samples), got {array.shape}")
        if not self._queues:
            self._start(array.dtype)
        self._received += array.shape[1]
        for band, queue in zip(self._bands, self._queues, strict=True):
            queue.append(band.process(array, self._gains, self._matrix, self._layout is None))
        return self._join(min(len(queue) for queue in self._queues))

    def flush(self) -> NDArray[Any]:
        """End the signal and return the rest; the next block starts a new one."""
        if not self._queues:
            return np.zeros((self._n_outputs, 0), np.float32)
        for band, queue in zip(self._bands, self._queues, strict=True):
            queue.append(
                band.flush(self._gains, self._matrix, self._layout is None, self._received)
            )
        rest = self._join(len(self._queues[0]))
        self._queues, self._received = [], 0
        return rest

    def _start(self, dtype: Any) -> None:
        self._queues = [SampleQueue() for _ in self._bands]
        if self._layout is not None:
            numbers = decorrelator_numbers(self._layout, self._layout.loudspeakers)
            self._decorrelators = [
                Decorrelator(int(number), self.sample_rate, dtype) for number in numbers
            ]

    def _join(self, count: int) -> NDArray[Any]:
        """Return the sum of both bands of the next samples, with the decorrelated part."""
        parts = [queue.take(count) for queue in self._queues]
        found = parts[0] + parts[1]
        outputs = found[:-4]
        for row, (gains, decorrelator) in enumerate(
            zip(self._matrix, self._decorrelators, strict=False)
        ):
            wet = gains.astype(found.dtype) @ found[-4:]
            decorrelator.process(wet)
            outputs[row] += wet
        if len(outputs) == self._n_outputs:
            return outputs.copy()
        whole = np.zeros((self._n_outputs, count), found.dtype)
        whole[self._loudspeakers] = outputs
        return whole


class _Band:
    """Analysis and synthesis in frames of one length, for the bins of one side of the crossover."""

    def __init__(self, number: int, sample_rate: int) -> None:
        seconds, smoothing = _BANDS[number]
        size = max(64, 1 << round(np.log2(seconds * sample_rate)))
        hop = size // _HOPS_IN_FRAME
        hertz = np.fft.rfftfreq(size, 1.0 / sample_rate)
        upper = np.clip((hertz - _CROSSOVER[0]) / (_CROSSOVER[1] - _CROSSOVER[0]), 0.0, 1.0)
        weights = upper if number else 1.0 - upper
        used = np.flatnonzero(weights)
        self._bins, self._range = len(hertz), slice(int(used[0]), int(used[-1]) + 1)
        self._weights = weights[self._range]
        times = np.array([smoothing, _STEADY_SECONDS, _SLOW_SECONDS])
        self._rates = 1.0 - np.exp(-hop / sample_rate / times)
        self._options = {"n_fft": size, "hop": hop}
        self.latency = size + hop
        self._reset()

    def _reset(self) -> None:
        self._stft, self._istft = StreamingSTFT(**self._options), StreamingISTFT(**self._options)
        self._state: NDArray[np.float64] | None = None

    def process(self, block: NDArray[Any], *arguments: Any) -> NDArray[Any]:
        """Return the outputs and the four channels to decorrelate, as far as they are ready."""
        return self._istft.process(self._convert(self._stft.process(block), *arguments))

    def flush(
        self, gains: Any, matrix: NDArray[np.float64], keeps: bool, length: int
    ) -> NDArray[Any]:
        """Return the rest of a signal of ``length`` samples."""
        last = self._istft.process(self._convert(self._stft.flush(), gains, matrix, keeps))
        rest = np.concatenate([last, self._istft.flush(length)], axis=-1)
        self._reset()
        return rest

    def _convert(
        self,
        spectrum: NDArray[Any],
        gains_of: Callable[[NDArray[np.float64]], NDArray[np.float64]],
        matrix: NDArray[np.float64],
        keeps: bool,
    ) -> NDArray[Any]:
        from spatialkit.ambisonics import parametric_kernels as kernels

        frames = np.ascontiguousarray(spectrum.swapaxes(-1, -2)[..., self._range])
        real = frames.real.dtype
        count, bins = frames.shape[1:]
        plain = frames.view(real).reshape(4, count, bins, 2)
        vectors, shares = np.empty((count, bins, 3)), np.empty((count, bins, 2))
        if self._state is None:
            self._state = np.zeros((kernels.ROWS, bins))
        scratch = np.empty((4, bins + 1)), np.empty((5, bins))
        kernels.estimate_directions(plain, self._rates, self._state, *scratch, vectors, shares)
        gains = gains_of(vectors.reshape(-1, 3)).reshape(count, bins, len(matrix))
        found = np.zeros((len(matrix) + 4, count, self._bins), frames.dtype)
        part = np.empty((*found.shape[:2], bins, 2), real)
        kernels.distribute(plain, vectors, shares, gains, matrix, self._weights, keeps, part)
        found[..., self._range] = part.view(found.dtype)[..., 0]
        return found.swapaxes(-1, -2)


def decode_parametric(
    audio: FloatArray[FloatT], target: str | Layout | int, sample_rate: float
) -> FloatArray[FloatT]:
    """Decode first-order Ambisonics (..., 4, samples) in ACN and SN3D, all at once."""
    require_finite(audio, "ambisonics")
    results = []
    for item in np.ndindex(audio.shape[:-2]):
        stream = ParametricStream(target, sample_rate)
        starts = range(0, max(1, audio.shape[-1]), _BLOCK_SIZE)
        blocks = [stream.process(audio[item][:, start : start + _BLOCK_SIZE]) for start in starts]
        results.append(np.concatenate([*blocks, stream.flush()], axis=-1))
    found: FloatArray[FloatT] = np.array(results).reshape(*audio.shape[:-2], *results[0].shape)
    return found


def upscale_ambisonics(
    ambisonics: AudioLike[FloatT],
    order: int = 3,
    *,
    sample_rate: float | None = None,
    normalization: Normalization | None = None,
    channel_order: ChannelOrder | None = None,
) -> FloatArray[FloatT]:
    """Convert first-order Ambisonics to a higher order, in which direct sound is sharper.

    The direct sound of each time and frequency is encoded again in its direction at the higher
    order; what is not direct keeps its four channels. This is an estimate: sources that overlap in
    time and frequency are not separated, and the result does not depend linearly on the input.

    Parameters
    ----------
    ambisonics : array_like of float or Audio, shape (..., 4, samples)
    order : int
        2 to 7.
    sample_rate : float, optional
        Hz, at least 8000; required unless ``ambisonics`` is an `Audio`.
    normalization : {"SN3D", "N3D", "FuMa"}, optional
        Normalization of ``ambisonics``. By default that of an `Audio`, else "SN3D".
    channel_order : {"ACN", "FuMa"}, optional
        Channel order of ``ambisonics``. By default that of an `Audio`, else "ACN".

    Returns
    -------
    ndarray, shape (..., (order + 1)^2, samples)
        In ACN order and SN3D, and in the precision of ``ambisonics``.

    Raises
    ------
    ShapeError, SignalError
        If ``ambisonics`` is not finite audio of 4 channels.
    OptionError
        If the order is not from 2 to 7, or the sample rate is missing.

    Examples
    --------
    >>> from spatialkit import encode_foa
    >>> noise = np.random.default_rng(0).standard_normal(9600)
    >>> upscale_ambisonics(encode_foa(noise, 40.0), 3, sample_rate=48000).shape
    (16, 9600)
    """
    audio, rate = first_order(ambisonics, sample_rate, normalization, channel_order)
    return decode_parametric(audio, int(order), rate)


def first_order(
    ambisonics: AudioLike[FloatT],
    sample_rate: float | None,
    normalization: Normalization | None,
    channel_order: ChannelOrder | None,
) -> tuple[FloatArray[FloatT], float]:
    """Return first-order Ambisonics in ACN and SN3D, with its sample rate."""
    audio, form = harmonics.as_ambisonics(ambisonics, normalization, channel_order, order=1)
    _, rate, _ = unpack_audio(ambisonics, sample_rate=sample_rate, name="ambisonics")
    if rate is None:
        raise OptionError("decoding by directions needs sample_rate, in Hz")
    return convert_foa(audio, form, AmbisonicFormat(1)), rate
