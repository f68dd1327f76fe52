"""Base class for separators and their streams.

A separator splits a song into stems whose sum is the song. It is a subclass of `Separator`::

    class Thirds(Separator):
        '''Three equal stems.'''

        name = "thirds"
        stems = ("vocals", "drums", "other")
        version = "1"

        def _separate(self, audio, sample_rate, start):
            return np.stack([audio / 3] * 3)

An entry point of the group ``spatialkit.separators`` makes it available by name (see
`spatialkit_models.separation.get_separator`); `check_separator` checks that it conforms to the
interface.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.audio import AudioLike
from spatialkit.errors import SpatialkitError
from spatialkit.files import resample
from spatialkit.plugins import Plugin
from spatialkit.validation import as_count, as_sample_rate
from spatialkit_models.inference import OverlapAdd
from spatialkit_models.stem_names import STEMS

__all__ = ["Separator", "SeparatorError", "StemStream"]

# Seconds per window of streams of separators that need no window of their own.
STREAM_WINDOW = 10.0


class SeparatorError(SpatialkitError, ValueError):
    """A separator is unknown, broken, or violates its interface."""


class Separator(Plugin, ABC):
    """Base class of all separators.

    A subclass sets the class attributes below and defines ``_separate(audio, sample_rate, start)``.
    It receives finite stereo of shape (2, samples) at the native rate, neither empty nor silent,
    with the index of its first sample in the song. It returns the stems, (stems, 2, samples),
    aligned in time. What they lack of the song is added to "other", or to the last stem if there is
    no "other", so that their sum is the song. Mono is separated as stereo with equal channels.

    Parameters
    ----------
    **options
        Options as declared by ``options_class``.

    Attributes
    ----------
    name : str
        Name for `get_separator`: letters, digits and "-".
    sample_rate : int or None
        Native sample rate in Hz, None for any. Audio at another rate is resampled to it and back.
    stems : tuple of str
        Names of the stems: some of "vocals", "drums", "bass" and "other", in this order.
    window, overlap : float or None, float
        Length of the windows in which a song is separated, and of their overlap, in seconds. None
        if the stems do not depend on the window.
    version : str
        Package, model and hash of the weights, for result records.
    options_class : type
        Frozen dataclass of the options, with fields declared by `spatialkit.upmixing.option`.
    options : dataclass
        Validated options of this separator: an instance of ``options_class``.

    Raises
    ------
    OptionError
        If an option is unknown or its value is not accepted.
    SeparatorError
        If the separator cannot be used here (see ``unavailable``).
    """

    kind = "separator"
    error_class = SeparatorError
    accepts = (1, 2)
    stems: tuple[str, ...] = STEMS
    window: float | None = None
    overlap: float = 0.0
    version: str = ""

    def separate(self, audio: AudioLike[Any], sample_rate: float | None = None) -> NDArray[Any]:
        """Separate a whole song.

        Parameters
        ----------
        audio : array_like of float, shape (channels, samples), or Audio
            Mono or stereo; mono may be (samples,). The sample rate of an `Audio` is used.
        sample_rate : int, optional
            Sample rate in Hz; required for an array.

        Returns
        -------
        ndarray, shape (stems, channels, samples)
            In the order of ``stems`` and in the data type of the input, aligned with it in time;
            the sum over the stems is the input.

        Raises
        ------
        ShapeError, SignalError, LayoutError, OptionError
            If the input has another shape, type or format, contains NaN or infinity, or the rate is
            not a whole number above 0.
        SeparatorError
            If the output of the separator has a wrong shape, or contains NaN or infinity.
        """
        array, rate = self._unpack_input(audio, sample_rate)
        channels, samples = array.shape
        self.check_song(samples, rate)
        if self.window is None:
            return self._stems_of(array, rate, 0).astype(array.dtype)
        joined = self._windows(rate, channels).whole(array)
        return joined.reshape(len(self.stems), channels, samples)

    def separate_window(self, audio: ArrayLike, sample_rate: float, start: int = 0) -> NDArray[Any]:
        """Separate one window of a song, as streams do.

        Parameters
        ----------
        audio : array_like of float, shape (channels, samples)
            Mono or stereo, usually ``window`` seconds.
        sample_rate : int
            Sample rate in Hz.
        start : int
            Index of the first sample in the song.

        Returns
        -------
        ndarray, shape (stems, channels, samples)
            As `separate`.
        """
        array = self._check_input(audio)
        rate, start = as_sample_rate(sample_rate), as_count(start, "start", minimum=0)
        return self._stems_of(array, rate, start).astype(array.dtype)

    def stream(self, sample_rate: float, channels: int = 2) -> StemStream:
        """Return a stream, which separates a song block by block.

        Parameters
        ----------
        sample_rate : int
            Sample rate in Hz.
        channels : int
            Number of channels of the song.
        """
        return StemStream(self, as_sample_rate(sample_rate), channels)

    def check_song(self, samples: int, sample_rate: int) -> None:
        """Raise an error if a song of this length cannot be separated; called before any window.

        Parameters
        ----------
        samples : int
            Length of the song in samples.
        sample_rate : int
            Sample rate of the song in Hz.
        """

    @abstractmethod
    def _separate(self, audio: NDArray[Any], sample_rate: int, start: int) -> NDArray[Any]:
        """Separate stereo (2, samples) at the native rate to (stems, 2, samples)."""

    def _windows(self, rate: int, channels: int) -> OverlapAdd:
        """Return the overlap-add of windows of a song, with one row per stem and channel."""
        seconds = STREAM_WINDOW if self.window is None else self.window
        window, overlap = round(seconds * rate), round(self.overlap * rate)
        rows = len(self.stems) * channels

        def separate(audio: NDArray[np.float64], start: int) -> NDArray[np.float64]:
            return self._stems_of(audio, rate, start).reshape(rows, audio.shape[1])

        return OverlapAdd(separate, rows, rate, window, overlap)

    def _stems_of(self, audio: NDArray[Any], rate: int, start: int) -> NDArray[np.float64]:
        """Separate checked audio at any rate; the residual is added to one stem."""
        channels, samples = audio.shape
        if not audio.any():
            return np.zeros((len(self.stems), channels, samples))
        native_rate = self.sample_rate or rate
        native = audio if channels == 2 else np.repeat(audio, 2, axis=0)
        if rate != native_rate:
            native = resample(native, rate, native_rate, quality="HQ")
        found = self._separate(native, native_rate, round(start * native_rate / rate))
        stems = self._check_output(found, native.shape).astype(np.float64)
        if channels == 1:
            stems = stems.mean(axis=1, keepdims=True)
        if rate != native_rate:
            stems = resample(stems, native_rate, rate, quality="HQ", length=samples)
        residual = self.stems.index("other") if "other" in self.stems else -1
        stems[residual] += audio - stems.sum(axis=0)
        return stems

    def _check_output(self, found: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return the output of ``_separate``, or raise a SeparatorError."""
        stems = np.asarray(found)
        expected = (len(self.stems), *shape)
        if stems.dtype.kind != "f" or stems.shape != expected:
            raise SeparatorError(
                f"separator {self.name!r} returned {stems.dtype} of shape {stems.shape} instead of "
                f"floating-point stems of shape {expected}"
            )
        if not np.isfinite(stems).all():
            raise SeparatorError(
                f"separator {self.name!r} returned NaN or infinity for finite audio"
            )
        return stems


class StemStream:
    """Stream of stems; the returned blocks, joined, equal `Separator.separate` of the whole.

    Parameters
    ----------
    separator : Separator
    sample_rate : int
        Sample rate in Hz.
    channels : int
        Number of channels of the song.

    Attributes
    ----------
    latency : int
        Largest number of samples buffered after any call of ``process``.
    """

    def __init__(self, separator: Separator, sample_rate: int, channels: int) -> None:
        self._separator, self._channels = separator, channels
        self.sample_rate = sample_rate
        self._windows = separator._windows(sample_rate, channels)
        self.latency = self._windows.latency

    def process(self, block: AudioLike[Any]) -> NDArray[Any]:
        """Process the next samples, and return those that are ready, (stems, channels, ready)."""
        array = self._separator._unpack_block(block, self.sample_rate)
        return self._shaped(self._windows.process(array))

    def flush(self) -> NDArray[Any]:
        """End the song and return the buffered samples, (stems, channels, rest)."""
        return self._shaped(self._windows.flush())

    def _shaped(self, rows: NDArray[Any]) -> NDArray[Any]:
        return rows.reshape(len(self._separator.stems), self._channels, rows.shape[1])
