"""Short-time Fourier transform and its inverse, of whole signals and block by block.

Frame k is centred on sample k * hop, zeros stand outside the signal, nothing is scaled. The
inverse is the least-squares one of Griffin and Lim (1984): frames are windowed a second time,
added up, and divided by the overlap sum of the squared window.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit._checks import as_audio, as_count
from spatialkit.errors import OptionError, ShapeError, SignalError

__all__ = ["StreamingISTFT", "StreamingSTFT", "istft", "stft"]

# The inverse divides by the overlap sum of the squared window: where that falls below this share
# of its largest value, rounding and whatever was done to the spectrum would be blown up.
LEAST_OVERLAP = 1e-3
# Frames transformed at a time: their buffer stays within the processor's cache.
FRAMES_AT_ONCE = 64


def stft(
    audio: ArrayLike, *, n_fft: int = 1024, hop: int = 256, window: str | ArrayLike = "hann"
) -> NDArray[Any]:
    """Short-time Fourier transform.

    Frame k is centred on sample ``k * hop``; outside the signal stand zeros; there is no scaling.
    The values equal ``librosa.stft(..., pad_mode="constant")``.

    Parameters
    ----------
    audio : array_like of float, shape (..., channels, samples) or (samples,)
        Of any length, none included.
    n_fft : int
        Samples per frame, 2 or more. More give finer frequencies and coarser times.
    hop : int
        Samples from frame to frame, 1 to ``n_fft``.
    window : str or array_like, shape (n_fft,)
        A name that `scipy.signal.get_window` knows (its periodic form), or the window itself.

    Returns
    -------
    ndarray of complex, shape (..., bins, frames)
        ``bins`` is ``n_fft // 2 + 1``, ``frames`` is ``1 + samples // hop``. complex64 of float32,
        complex128 of float64. Frames lie next to each other in memory.

    Raises
    ------
    OptionError
        If window and hop leave samples nearly unseen, so that no inverse exists: their least
        overlap sum (of the squared window) is below a thousandth of the largest.

    Examples
    --------
    >>> import numpy as np
    >>> spectrum = stft(np.ones((2, 1000)), n_fft=512, hop=128)
    >>> spectrum.shape
    (2, 257, 8)
    >>> float(spectrum[0, 0, 4].real)  # the sum of the window
    256.0
    """
    frames = _Frames(n_fft, hop, window)
    array = as_audio(audio, allow_mono=True)
    count = 1 + array.shape[-1] // frames.hop
    padded = np.zeros((*array.shape[:-1], frames.span(count)), dtype=array.dtype)
    # With a hop beyond n_fft / 2 the last samples may lie in no frame at all.
    end = min(frames.centre + array.shape[-1], padded.shape[-1])
    padded[..., frames.centre : end] = array[..., : end - frames.centre]
    return frames.analyse(padded, count)


def istft(
    spectrum: ArrayLike,
    *,
    n_fft: int = 1024,
    hop: int = 256,
    window: str | ArrayLike = "hann",
    length: int | None = None,
) -> NDArray[Any]:
    """Inverse of `stft`: the signal whose transform is nearest to ``spectrum``.

    Parameters
    ----------
    spectrum : array_like of complex, shape (..., bins, frames)
    n_fft, hop, window
        As they were given to `stft`.
    length : int, optional
        Samples to return; by default ``hop * (frames - 1)``. Up to ``hop - 1`` samples lie behind
        the centre of the last frame: say how many there were to have them back.

    Returns
    -------
    ndarray of float, shape (..., samples)
        float32 of complex64, float64 of complex128.

    Raises
    ------
    OptionError
        If window and hop leave samples nearly unseen (see `stft`), or if ``length`` reaches into
        samples that the last frame hardly saw. The latter does not happen for ``length`` up to
        ``hop * frames - 1`` with the Hann window and a hop of at most ``n_fft // 4``; with larger
        hops pad the audio to a multiple of the hop.

    References
    ----------
    .. [1] D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier transform",
       IEEE Trans. ASSP 32(2), 1984, equation 6.

    Examples
    --------
    >>> import numpy as np
    >>> audio = np.random.default_rng(0).standard_normal((2, 1000))
    >>> np.allclose(istft(stft(audio), length=1000), audio, rtol=0, atol=1e-12)
    True
    """
    frames = _Frames(n_fft, hop, window)
    array = frames.as_spectrum(spectrum)
    count = array.shape[-1]
    length = frames.as_length(length, count)
    summed = np.zeros((*array.shape[:-2], frames.span(count)), dtype=array.real.dtype)
    frames.overlap_add(array, summed)
    samples = summed[..., frames.centre : frames.centre + length]
    frames.complete(samples, frames.centre, count)
    return samples


class StreamingSTFT:
    """`stft` block by block: the frames joined equal those of the whole signal.

    Parameters
    ----------
    n_fft, hop, window
        As for `stft`.

    Examples
    --------
    >>> import numpy as np
    >>> audio = np.random.default_rng(0).standard_normal((2, 3000))
    >>> transform = StreamingSTFT(n_fft=512, hop=128)
    >>> parts = [transform.process(audio[:, :1000]), transform.process(audio[:, 1000:])]
    >>> joined = np.concatenate([*parts, transform.flush()], axis=-1)
    >>> np.array_equal(joined, stft(audio, n_fft=512, hop=128))
    True
    """

    def __init__(
        self, *, n_fft: int = 1024, hop: int = 256, window: str | ArrayLike = "hann"
    ) -> None:
        self._frames = _Frames(n_fft, hop, window)
        self._waiting: NDArray[Any] | None = None
        self._n_samples = self._n_frames = 0

    def process(self, block: ArrayLike) -> NDArray[Any]:
        """Frames that became complete.

        Parameters
        ----------
        block : array_like of float, shape (..., channels, samples) or (samples,)
            The next samples, any number; other axes and dtype as in the first block.

        Returns
        -------
        ndarray of complex, shape (..., bins, frames)
            Maybe of no frame.
        """
        array = np.atleast_1d(block)
        # A block of fewer samples than channels is no mistake: only its dtype is checked.
        as_audio(array.reshape(-1), "block", allow_mono=True)
        if self._waiting is None:
            self._waiting = np.zeros((*array.shape[:-1], self._frames.centre), array.dtype)
        self._waiting = _joined(self._waiting, array, "block")
        self._n_samples += array.shape[-1]
        ready = (self._waiting.shape[-1] - self._frames.n_fft) // self._frames.hop + 1
        return self._take(max(ready, 0))

    def flush(self) -> NDArray[Any]:
        """Remaining frames; the next block begins a new signal.

        Returns
        -------
        ndarray of complex, shape (..., bins, frames)
        """
        if self._waiting is None:
            raise ShapeError(NO_BLOCK)
        remaining = 1 + self._n_samples // self._frames.hop - self._n_frames
        missing = max(self._frames.span(remaining) - self._waiting.shape[-1], 0)
        silence = np.zeros((*self._waiting.shape[:-1], missing), self._waiting.dtype)
        self._waiting = _joined(self._waiting, silence, "block")
        spectrum = self._take(remaining)
        self._waiting, self._n_samples, self._n_frames = None, 0, 0
        return spectrum

    def _take(self, count: int) -> NDArray[Any]:
        assert self._waiting is not None
        spectrum = self._frames.analyse(self._waiting, count)
        self._waiting = self._waiting[..., count * self._frames.hop :].copy()
        self._n_frames += count
        return spectrum


class StreamingISTFT:
    """`istft` block by block: the samples joined equal those of the whole spectrum.

    Parameters
    ----------
    n_fft, hop, window
        As for `istft`.

    Examples
    --------
    >>> import numpy as np
    >>> audio = np.random.default_rng(0).standard_normal((2, 3000))
    >>> spectrum = stft(audio, n_fft=512, hop=128)
    >>> inverse = StreamingISTFT(n_fft=512, hop=128)
    >>> parts = [inverse.process(spectrum[..., :9]), inverse.process(spectrum[..., 9:])]
    >>> joined = np.concatenate([*parts, inverse.flush(length=3000)], axis=-1)
    >>> np.array_equal(joined, istft(spectrum, n_fft=512, hop=128, length=3000))
    True
    """

    # Positions count from the first sample of the first frame, `centre` samples before the signal.

    def __init__(
        self, *, n_fft: int = 1024, hop: int = 256, window: str | ArrayLike = "hann"
    ) -> None:
        self._frames = _Frames(n_fft, hop, window)
        self._open: NDArray[Any] | None = None
        self._position = self._n_frames = 0

    def process(self, spectrum: ArrayLike) -> NDArray[Any]:
        """Samples that no later frame changes.

        Parameters
        ----------
        spectrum : array_like of complex, shape (..., bins, frames)
            The next frames, any number; other axes and dtype as in the first block.

        Returns
        -------
        ndarray of float, shape (..., samples)
            Maybe of no sample.
        """
        frames, array = self._frames, self._frames.as_spectrum(spectrum)
        if self._open is None:
            self._open = np.zeros((*array.shape[:-2], 0), array.real.dtype)
        first = self._n_frames * frames.hop - self._position
        self._n_frames += array.shape[-1]
        missing = frames.span(self._n_frames) - self._position - self._open.shape[-1]
        silence = np.zeros((*array.shape[:-2], missing), array.real.dtype)
        self._open = _joined(self._open, silence, "spectrum")
        frames.overlap_add(array, self._open[..., first:])
        # Not beyond the last centre: there the signal ends unless `flush` is told otherwise.
        last_centre = frames.centre + (self._n_frames - 1) * frames.hop
        return self._take(min(self._n_frames * frames.hop, last_centre))

    def flush(self, length: int | None = None) -> NDArray[Any]:
        """Remaining samples; the next block begins a new signal.

        Parameters
        ----------
        length : int, optional
            Samples of the whole signal, as for `istft`.

        Returns
        -------
        ndarray of float, shape (..., samples)
        """
        if self._open is None:
            raise ShapeError(NO_BLOCK)
        length = self._frames.as_length(length, self._n_frames)
        given = max(self._position - self._frames.centre, 0)
        if length < given:
            raise OptionError(
                f"length must be at least {given}, the samples given out already, got {length}"
            )
        samples = self._take(self._frames.centre + length)
        self._open, self._position, self._n_frames = None, 0, 0
        return samples

    def _take(self, end: int) -> NDArray[Any]:
        assert self._open is not None
        end = max(end, self._position)
        first = max(self._frames.centre, self._position)
        samples = self._open[..., first - self._position : end - self._position].copy()
        self._frames.complete(samples, first, self._n_frames)
        self._open = self._open[..., end - self._position :].copy()
        self._position = end
        return samples


NO_BLOCK = "flush needs a block before it (an empty one will do): it says which shape to return"


class _Frames:
    """Frames of one size, hop and window: their transform and its least-squares inverse."""

    def __init__(self, n_fft: int, hop: int, window: str | ArrayLike) -> None:
        self.n_fft = as_count(n_fft, "n_fft", least=2)
        self.hop = as_count(hop, "hop", most=self.n_fft)
        self.centre = self.n_fft // 2
        self.bins = self.n_fft // 2 + 1
        self.window = _as_window(window, self.n_fft)
        # Row j, column r: the squared windows of the first j of the frames over a sample, newest
        # first, that lies r samples behind the start of a hop.
        self.turns = -(-self.n_fft // self.hop)
        squared = np.zeros(self.turns * self.hop)
        squared[: self.n_fft] = self.window**2
        self.overlaps = np.zeros((self.turns + 1, self.hop))
        np.cumsum(squared.reshape(self.turns, self.hop), axis=0, out=self.overlaps[1:])
        self.least = LEAST_OVERLAP * self.overlaps[-1].max()
        if not self.overlaps[-1].min() >= self.least > 0.0:
            share = self.overlaps[-1].min() / max(self.overlaps[-1].max(), np.finfo(float).tiny)
            raise OptionError(
                f"n_fft={n_fft} with hop={hop} and this window leaves samples nearly unseen: the "
                f"overlap sum of the squared window falls to {share:.1e} of its largest value, "
                f"{LEAST_OVERLAP:g} is needed to invert it; take a smaller hop"
            )

    def span(self, count: int) -> int:
        """Return how many samples ``count`` frames cover."""
        return (count - 1) * self.hop + self.n_fft if count else 0

    def analyse(self, padded: NDArray[Any], count: int) -> NDArray[Any]:
        """Return the first ``count`` frames of ``padded`` (..., samples)."""
        import scipy.fft

        lead, window = padded.shape[:-1], self.window.astype(padded.dtype)
        rows = padded.reshape(math.prod(lead), padded.shape[-1])
        spectrum = np.empty((len(rows), count, self.bins), np.result_type(padded, np.complex64))
        for row, target in zip(rows, spectrum, strict=True):
            if count:
                framed = np.lib.stride_tricks.sliding_window_view(row, self.n_fft)[:: self.hop]
            for k in range(0, count, FRAMES_AT_ONCE):
                end = min(k + FRAMES_AT_ONCE, count)
                target[k:end] = scipy.fft.rfft(framed[k:end] * window)
        return spectrum.reshape(*lead, count, self.bins).swapaxes(-1, -2)

    def overlap_add(self, spectrum: NDArray[Any], summed: NDArray[Any]) -> None:
        """Add the frames (..., bins, frames) into ``summed`` (..., samples), in their order."""
        import scipy.fft

        # Divided by the overlap sum where all frames are there, which repeats with every hop.
        dual = self.window / np.resize(self.overlaps[-1], self.n_fft)
        dual = dual.astype(summed.dtype)
        for row in np.ndindex(spectrum.shape[:-2]):
            framed, target = spectrum[row].T, summed[row]
            for k in range(0, len(framed), FRAMES_AT_ONCE):
                pieces = scipy.fft.irfft(framed[k : k + FRAMES_AT_ONCE], self.n_fft)
                pieces *= dual
                for start, piece in enumerate(pieces, k):
                    target[start * self.hop : start * self.hop + self.n_fft] += piece

    def complete(self, samples: NDArray[Any], first: int, count: int) -> None:
        """Divide ``samples``, which begin at position ``first``, at the edges by what is there."""
        end = first + samples.shape[-1]
        head = min(max((self.turns - 1) * self.hop, first), end)
        tail = min(max(count * self.hop, head), end)
        for begin, stop in ((first, head), (tail, end)):
            positions = np.arange(begin, stop)
            gains = self.overlaps[-1, positions % self.hop] / self._overlap(positions, count)
            samples[..., begin - first : stop - first] *= gains.astype(samples.dtype)

    def _overlap(self, positions: NDArray[np.intp], count: int) -> NDArray[np.float64]:
        """Overlap sum at ``positions`` if there are ``count`` frames only."""
        hops, rest = np.divmod(positions, self.hop)
        newest = np.clip(hops - count + 1, 0, self.turns)
        oldest = np.minimum(hops + 1, self.turns)
        return self.overlaps[oldest, rest] - self.overlaps[newest, rest]

    def as_length(self, length: int | None, count: int) -> int:
        """Return ``length``, or the reason why ``count`` frames do not hold so many samples."""
        if length is None:
            return max(count - 1, 0) * self.hop
        length = as_count(length, "length", least=0)
        end = min(self.centre + length, max(self.span(count), self.centre) + 1)
        head = np.arange(self.centre, min(self.n_fft, end))
        tail = np.arange(max(count * self.hop, self.centre), end)
        positions = np.concatenate([head, tail])
        unseen = positions[self._overlap(positions, count) < self.least]
        if unseen.size:
            raise OptionError(
                f"length={length} reaches beyond what {count} frames of n_fft={self.n_fft}, "
                f"hop={self.hop} hold: from sample {unseen[0] - self.centre} on their overlap sum "
                f"is below {LEAST_OVERLAP:g} of its largest value; take a smaller hop, or pad the "
                "audio to a multiple of the hop"
            )
        return length

    def as_spectrum(self, spectrum: ArrayLike) -> NDArray[Any]:
        """Return ``spectrum`` as an array, or the reason why it is none of these frames."""
        array = np.asarray(spectrum)
        if array.dtype not in (np.complex64, np.complex128):
            raise SignalError(f"spectrum must be complex64 or complex128, got {array.dtype}")
        if array.ndim < 2 or array.shape[-2] != self.bins:
            raise ShapeError(
                f"spectrum must have shape (..., {self.bins}, frames) for n_fft={self.n_fft}, "
                f"got {array.shape}"
            )
        return array


def _as_window(window: str | ArrayLike, n_fft: int) -> NDArray[np.float64]:
    if isinstance(window, str) and window == "hann":
        return 0.5 - 0.5 * np.cos(np.arange(n_fft) * (2.0 * np.pi / n_fft))
    if isinstance(window, str):
        from scipy.signal import get_window

        try:
            return np.asarray(get_window(window, n_fft), dtype=np.float64)
        except ValueError as error:
            raise OptionError(
                f"window must be a name that scipy.signal.get_window knows or an array, got "
                f"{window!r} ({error})"
            ) from error
    array = np.asarray(window)
    if array.shape != (n_fft,):
        raise ShapeError(f"window must have shape ({n_fft},), as many as n_fft, got {array.shape}")
    if not (np.isrealobj(array) and np.all(np.isfinite(array))):
        raise OptionError("window must hold finite real numbers")
    return array.astype(np.float64)


def _joined(before: NDArray[Any], after: NDArray[Any], name: str) -> NDArray[Any]:
    """Join both along the last axis if they are alike otherwise."""
    if before.shape[:-1] != after.shape[:-1] or before.dtype != after.dtype:
        raise ShapeError(
            f"{name} must be like the first one in dtype and all axes but the last: "
            f"that gave {before.dtype} {before.shape[:-1]}, this {after.dtype} {after.shape[:-1]}"
        )
    return np.concatenate([before, after], axis=-1)
