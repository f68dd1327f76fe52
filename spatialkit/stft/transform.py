"""Short-time Fourier transform and its inverse, of whole signals and block by block.

Frame k is centred on sample k * hop, zeros stand outside the signal, nothing is scaled. The
inverse is the least-squares one of Griffin and Lim (1984): frames are windowed a second time,
added up, and divided by the overlap sum of the squared window.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.errors import OptionError, ShapeError
from spatialkit.sample_queue import SampleQueue
from spatialkit.stft.frames import Frames
from spatialkit.validation import as_audio

__all__ = ["StreamingISTFT", "StreamingSTFT", "istft", "stft"]

NO_BLOCK = "flush needs a block before it (an empty one will do): it says which shape to return"


def stft(
    audio: AudioLike[Any], *, n_fft: int = 1024, hop: int = 256, window: str | ArrayLike = "hann"
) -> NDArray[Any]:
    """Short-time Fourier transform.

    Frame k is centred on sample ``k * hop``; outside the signal stand zeros; there is no scaling.
    All equal ``librosa.stft(..., pad_mode="constant")``, whose last frame is missing at times if
    ``n_fft`` is odd.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (..., channels, samples) or (samples,)
        Any number of samples, zero included.
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
        complex128 of float64. The bins of a frame lie next to each other in memory.

    Raises
    ------
    ShapeError, SignalError
        If ``audio`` has no axis or looks frames-first, a window has not ``n_fft`` samples, or
        ``audio`` is not float32 or float64.
    OptionError
        If an option is not accepted, or window and hop leave samples nearly unseen, so that no
        inverse exists: their least overlap sum (of the squared window) is below a thousandth of
        the largest.

    Examples
    --------
    >>> import numpy as np
    >>> spectrum = stft(np.ones((2, 1000)), n_fft=512, hop=128)
    >>> spectrum.shape
    (2, 257, 8)
    >>> float(spectrum[0, 0, 4].real)  # the sum of the window
    256.0
    """
    frames = Frames(n_fft, hop, window)
    array = as_audio(unpack_audio(audio)[0], allow_mono=True)
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
    ShapeError, SignalError
        If ``spectrum`` has not the bins of ``n_fft``, a window has not ``n_fft`` samples, or
        ``spectrum`` is not complex64 or complex128.
    OptionError
        If an option is not accepted, window and hop leave samples nearly unseen (see `stft`), or
        ``length`` reaches into samples that the last frame hardly saw. The latter does not happen
        for ``length`` up to ``hop * frames - 1`` with the Hann window and a hop of at most
        ``n_fft // 4``; with larger hops pad the audio to a multiple of the hop.

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
    frames = Frames(n_fft, hop, window)
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
        self._frames = Frames(n_fft, hop, window)
        self._queue: SampleQueue | None = None
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
        if self._queue is None:
            self._queue = SampleQueue()
            self._queue.append(np.zeros((*array.shape[:-1], self._frames.centre), array.dtype))
        self._queue.append(array)
        self._n_samples += array.shape[-1]
        ready = (len(self._queue) - self._frames.n_fft) // self._frames.hop + 1
        return self._take(self._queue, max(ready, 0))

    def flush(self) -> NDArray[Any]:
        """Remaining frames; the next block begins a new signal.

        Returns
        -------
        ndarray of complex, shape (..., bins, frames)
        """
        if self._queue is None:
            raise ShapeError(NO_BLOCK)
        remaining = 1 + self._n_samples // self._frames.hop - self._n_frames
        missing = max(self._frames.span(remaining) - len(self._queue), 0)
        empty = self._queue.empty
        self._queue.append(np.zeros((*empty.shape[:-1], missing), empty.dtype))
        spectrum = self._take(self._queue, remaining)
        self._queue, self._n_samples, self._n_frames = None, 0, 0
        return spectrum

    def _take(self, queue: SampleQueue, count: int) -> NDArray[Any]:
        spectrum = self._frames.analyse(queue.peek(), count)
        queue.skip(count * self._frames.hop)
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

    def __init__(
        self, *, n_fft: int = 1024, hop: int = 256, window: str | ArrayLike = "hann"
    ) -> None:
        self._frames = Frames(n_fft, hop, window)
        # Sums that later frames may add to; they begin at `_position`.
        self._sums: SampleQueue | None = None
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
        if self._sums is None:
            self._sums = SampleQueue(name="spectrum")
        first = self._n_frames * frames.hop - self._position
        self._n_frames += array.shape[-1]
        missing = frames.span(self._n_frames) - self._position - len(self._sums)
        self._sums.append(np.zeros((*array.shape[:-2], missing), array.real.dtype))
        frames.overlap_add(array, self._sums.peek()[..., first:])
        # Not beyond the last centre: there the signal ends unless `flush` is told otherwise.
        last_centre = frames.centre + (self._n_frames - 1) * frames.hop
        return self._take(self._sums, min(self._n_frames * frames.hop, last_centre))

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
        if self._sums is None:
            raise ShapeError(NO_BLOCK)
        length = self._frames.as_length(length, self._n_frames)
        given = max(self._position - self._frames.centre, 0)
        if length < given:
            raise OptionError(
                f"length must be at least {given}, the samples given out already, got {length}"
            )
        samples = self._take(self._sums, self._frames.centre + length)
        self._sums, self._position, self._n_frames = None, 0, 0
        return samples

    def _take(self, sums: SampleQueue, end: int) -> NDArray[Any]:
        """Complete and remove the samples before position ``end``."""
        end = max(end, self._position)
        first = max(self._frames.centre, self._position)
        sums.skip(min(first, end) - self._position)
        samples = sums.take(min(max(end - first, 0), len(sums)))
        self._frames.complete(samples, first, self._n_frames)
        self._position = end
        return samples
