"""Short-time Fourier transform and its inverse, for whole signals and block by block.

Frame k is centred on sample k * hop, the signal is zero-padded, and there is no scaling. The
inverse is the least-squares inverse of Griffin and Lim (1984): frames are windowed a second time,
summed, and divided by the overlap sum of the squared window.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.errors import OptionError, ShapeError, SignalError
from spatialkit.sample_queue import SampleQueue
from spatialkit.stft.frames import Frames
from spatialkit.validation import as_array, as_audio

__all__ = ["StreamingISTFT", "StreamingSTFT", "istft", "stft"]

NO_BLOCK = "flush must be preceded by a block (possibly empty), which sets the output shape"


def stft(
    audio: AudioLike[Any], *, n_fft: int = 1024, hop: int = 256, window: str | ArrayLike = "hann"
) -> NDArray[Any]:
    r"""Calculate the short-time Fourier transform (STFT).

    .. math:: S[b, k] = \sum_{n=0}^{N-1} w[n] \, x[n + k h - \lfloor N/2 \rfloor] \,
        e^{-2 \pi i b n / N}

    with the window :math:`w` of N = ``n_fft`` samples and the hop :math:`h`: frame k is centred on
    sample ``k * hop``, the signal :math:`x` is zero-padded, and there is no scaling. The result
    equals ``librosa.stft(..., pad_mode="constant")``, which omits the last frame in some cases of
    odd ``n_fft``.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (..., channels, samples) or (samples,)
        Any number of samples, zero included.
    n_fft : int
        Samples per frame, at least 2. A larger value gives a higher frequency resolution and a
        lower time resolution.
    hop : int
        Samples between the starts of successive frames, 1 to ``n_fft``.
    window : str or array_like, shape (n_fft,)
        Name of a window of `scipy.signal.get_window` (its periodic form), or its samples.

    Returns
    -------
    ndarray of complex, shape (..., bins, frames)
        ``bins`` is ``n_fft // 2 + 1``, ``frames`` is ``1 + samples // hop``. complex64 for float32,
        complex128 for float64. The bins of a frame are contiguous in memory.

    Raises
    ------
    ShapeError, SignalError
        If ``audio`` has no axis or appears to be frames-first, a window does not have ``n_fft``
        samples, or ``audio`` is not float32 or float64.
    OptionError
        If an option is not accepted, or window and hop have no stable inverse: the minimum of the
        overlap sum of the squared window is below 0.001 of its maximum.

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
    # If the hop exceeds n_fft / 2, the last samples may be in no frame.
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
    r"""Calculate the inverse STFT: the signal whose `stft` is closest to ``spectrum``.

    .. math:: x[n] = \frac{\sum_k w[n - k h] \, s_k[n - k h]}{\sum_k w[n - k h]^2}

    with the inverse Fourier transforms :math:`s_k` of the frames, the least-squares solution [1]_.

    Parameters
    ----------
    spectrum : array_like of complex, shape (..., bins, frames)
    n_fft, hop, window
        As for `stft`.
    length : int, optional
        Number of samples to return; by default ``hop * (frames - 1)``. Up to ``hop - 1`` samples of
        the signal are after the centre of the last frame: specify its length to restore them.

    Returns
    -------
    ndarray of float, shape (..., samples)
        float32 for complex64, float64 for complex128.

    Raises
    ------
    ShapeError, SignalError
        If ``spectrum`` does not have the bins of ``n_fft``, a window does not have ``n_fft``
        samples, or ``spectrum`` is not complex64 or complex128.
    OptionError
        If an option is not accepted, window and hop have no stable inverse (see `stft`), or
        ``length`` includes samples at which the window of the last frame is close to 0. With the
        Hann window and a hop of at most ``n_fft // 4``, every ``length`` up to
        ``hop * frames - 1`` is accepted; for larger hops pad the audio to a multiple of the hop.

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
    """STFT block by block: the concatenated frames equal `stft` of the whole signal.

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
        """Process a block and return the frames that became complete.

        Parameters
        ----------
        block : array_like of float, shape (..., channels, samples) or (samples,)
            Any number of samples; other axes and data type as in the first block.

        Returns
        -------
        ndarray of complex, shape (..., bins, frames)
            The number of frames may be 0.
        """
        array = np.atleast_1d(as_array(block, "block", SignalError))
        # A block may have fewer samples than channels: only its data type is checked.
        as_audio(array.reshape(-1), "block", allow_mono=True)
        if self._queue is None:
            self._queue = SampleQueue()
            self._queue.append(np.zeros((*array.shape[:-1], self._frames.centre), array.dtype))
        self._queue.append(array)
        self._n_samples += array.shape[-1]
        ready = (len(self._queue) - self._frames.n_fft) // self._frames.hop + 1
        return self._take(self._queue, max(ready, 0))

    def flush(self) -> NDArray[Any]:
        """Return the remaining frames; the next block starts a new signal.

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
    """Inverse STFT block by block: the concatenated samples equal `istft` of the spectrum.

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
        # Sums to which later frames may be added; they start at `_position`.
        self._sums: SampleQueue | None = None
        self._position = self._n_frames = 0

    def process(self, spectrum: ArrayLike) -> NDArray[Any]:
        """Process frames and return the samples that later frames do not change.

        Parameters
        ----------
        spectrum : array_like of complex, shape (..., bins, frames)
            Any number of frames; other axes and data type as in the first block.

        Returns
        -------
        ndarray of float, shape (..., samples)
            The number of samples may be 0.
        """
        frames, array = self._frames, self._frames.as_spectrum(spectrum)
        if self._sums is None:
            self._sums = SampleQueue(name="spectrum")
        first = self._n_frames * frames.hop - self._position
        self._n_frames += array.shape[-1]
        missing = frames.span(self._n_frames) - self._position - len(self._sums)
        self._sums.append(np.zeros((*array.shape[:-2], missing), array.real.dtype))
        frames.overlap_add(array, self._sums.peek()[..., first:])
        # At most to the last centre, where the signal ends unless `flush` specifies a length.
        last_centre = frames.centre + (self._n_frames - 1) * frames.hop
        return self._take(self._sums, min(self._n_frames * frames.hop, last_centre))

    def flush(self, length: int | None = None) -> NDArray[Any]:
        """Return the remaining samples; the next block starts a new signal.

        Parameters
        ----------
        length : int, optional
            Number of samples of the whole signal, as for `istft`.

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
                f"length must be at least {given}, the number of samples already returned, got "
                f"{length}"
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
