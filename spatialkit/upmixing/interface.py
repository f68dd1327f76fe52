"""Base classes for upmixers and their streams.

An upmixer converts mono or stereo to a layout or Ambisonic format, whole or block by block. It is
a subclass of `Upmixer`::

    class Double(Upmixer):
        '''Stereo copied to front and rear.'''

        name = "double"
        accepts = (2,)
        format = get_layout("quad")
        memoryless = True

        def _upmix(self, audio, sample_rate):
            return np.concatenate([audio, audio])

An entry point of the group ``spatialkit.upmixers`` makes it available by name (see
`spatialkit.upmixing.registry`); `check_upmixer` checks that it conforms to the interface.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from spatialkit.audio import AudioLike
from spatialkit.downmix import DownmixCorrection
from spatialkit.errors import ShapeError, SignalError, UpmixerError
from spatialkit.files import resample
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.plugins import Plugin
from spatialkit.sample_queue import SampleQueue
from spatialkit.upmixing.object_tracks import ObjectUpmix
from spatialkit.validation import MAX_SAMPLE_RATE, as_sample_rate, require_finite

__all__ = ["UpmixStream", "Upmixer"]


class Upmixer(Plugin):
    """Base class of all upmixers.

    A subclass sets the class attributes below and defines ``_upmix(audio, sample_rate)``. It
    receives finite audio of shape (channels, samples), float32 or float64, at the native rate, and
    returns (channels of ``format``, samples), aligned in time, in memory that it does not reuse.
    It may define ``_stream(sample_rate)``, which returns an `UpmixStream`.

    If its options have a field ``exact_downmix`` (`spatialkit.upmixing.controls.exact_downmix`)
    and it is True, `spatialkit.match_downmix` is applied to the output, whole and in streams,
    where ``format`` has a downmix rule. The correction of a memoryless upmixer is memoryless, too:
    its weights are equal for all channels.

    Parameters
    ----------
    **options
        Options as declared by ``options_class``.

    Attributes
    ----------
    name : str
        Name for `get_upmixer`: letters, digits and "-".
    accepts : tuple of int
        Channel counts of the input: 1 is mono, 2 is stereo.
    sample_rate : int or None
        Native sample rate in Hz, None for any. Audio at another rate is resampled to it and back.
    format : Layout or AmbisonicFormat
        Format of the output. An option named ``layout`` sets it.
    options_class : type
        Frozen dataclass of the options, with fields declared by `option`.
    options : dataclass
        Validated options of this upmixer: an instance of ``options_class``.
    memoryless : bool
        True if every output sample depends only on the input sample at the same time: streams
        then return each block at once.
    linear_level : bool
        True if g times the input gives g times the output; verified by `check_upmixer`.
    facts : mapping of str to str
        Further facts for the records of ``spatialkit upmix``, such as the version of a model.

    Raises
    ------
    OptionError
        If an option is unknown or its value is not accepted.
    UpmixerError
        If the upmixer cannot be used here (see ``unavailable``).
    """

    kind = "upmixer"
    error_class = UpmixerError
    format: Layout | AmbisonicFormat
    memoryless: bool = False
    linear_level: bool = False
    facts: Mapping[str, str] = MappingProxyType({})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        layout = getattr(self.options, "layout", None)
        if layout is not None:
            self.format = layout

    def upmix(self, audio: AudioLike[Any], sample_rate: float | None = None) -> NDArray[Any]:
        """Upmix a whole signal.

        Parameters
        ----------
        audio : array_like of float, shape (channels, samples), or Audio
            The channel count is one of ``accepts``; mono may be (samples,). The sample rate of an
            `Audio` is used, and its format must be mono or stereo.
        sample_rate : int, optional
            Sample rate in Hz; required for an array. If it differs from the native rate, the audio
            is resampled to that and back, with linear phase and the length restored.

        Returns
        -------
        ndarray, shape (format.n_channels, samples)
            Of the length and data type of the input, aligned with it in time.

        Raises
        ------
        ShapeError, SignalError, OptionError
            If the input has another shape or type, contains NaN or infinity, or the rate is not a
            whole number above 0.
        LayoutError
            If an `Audio` has a format that is neither mono nor stereo.
        UpmixerError
            If the output of the upmixer has a wrong shape, or contains NaN or infinity.
        """
        array, rate = self._unpack_input(audio, sample_rate)
        if self.sample_rate is None or self.sample_rate == rate:
            result = self._check_output(self._upmix(array, rate), array)
        else:
            result = self._upmix_resampled(array, rate, self.sample_rate)
        correction = self._correction(len(array))
        return correction.apply(result, array) if correction else result

    def stream(self, sample_rate: float) -> UpmixStream:
        """Return a stream, which upmixes a signal block by block.

        Memoryless upmixers return each block at once. Others, unless they define ``_stream``,
        and every upmixer at another than its native rate, buffer the whole signal until ``flush``.

        Parameters
        ----------
        sample_rate : int
            Sample rate in Hz.

        Returns
        -------
        UpmixStream
        """
        rate = as_sample_rate(sample_rate, maximum=MAX_SAMPLE_RATE)
        if self.sample_rate not in (None, rate):
            return _WholeStream(self, rate)
        return self._stream(rate)

    def as_objects(self) -> ObjectUpmix:
        """Return the upmix as objects and beds; few upmixers have one.

        Returns
        -------
        ObjectUpmix

        Raises
        ------
        UpmixerError
            If the upmixer has no objects.
        """
        raise UpmixerError(f"upmixer {self.name!r} has no objects; 'style-vae' has")

    def _upmix(self, audio: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        raise NotImplementedError(f"{type(self).__qualname__} must define _upmix")

    def _stream(self, sample_rate: int) -> UpmixStream:
        return (_MemorylessStream if self.memoryless else _WholeStream)(self, sample_rate)

    def _correction(self, channels: int) -> DownmixCorrection | None:
        """Return the downmix correction for an input of ``channels``, if it is enabled."""
        if not getattr(self.options, "exact_downmix", False):
            return None
        return DownmixCorrection.find(self.format, channels, weighted=not self.memoryless)

    def _upmix_resampled(self, audio: NDArray[Any], rate: int, native_rate: int) -> NDArray[Any]:
        """Upmix at the native rate."""
        samples = audio.shape[1]
        # Half a sample is rounded up: without it the end of the input would be cut off.
        length = math.floor(samples * native_rate / rate + 0.5)
        native = resample(audio, rate, native_rate, quality="HQ", length=length)
        result = self._check_output(self._upmix(native, native_rate), native)
        return resample(result, native_rate, rate, quality="HQ", length=samples)

    def _check_output(self, result: NDArray[Any], audio: NDArray[Any]) -> NDArray[Any]:
        """Return ``result`` in the data type of ``audio``, or raise an UpmixerError."""
        array = np.asarray(result)
        count, samples = self.format.n_channels, audio.shape[1]
        if array.dtype.kind != "f" or array.ndim != 2:
            raise UpmixerError(
                f"upmixer {self.name!r} returned {array.dtype} of shape {array.shape} instead of "
                f"floating-point audio of shape ({count}, {samples})"
            )
        if len(array) != count:
            raise UpmixerError(
                f"upmixer {self.name!r} returned {len(array)} channels instead of the {count} "
                f"channels of its format {self.format.name!r}"
            )
        if array.shape[1] != samples:
            raise UpmixerError(
                f"upmixer {self.name!r} returned {array.shape[1]} samples for {samples} samples "
                "of input"
            )
        try:
            require_finite(array, "output")
        except SignalError as error:
            raise UpmixerError(
                f"upmixer {self.name!r} returned NaN or infinity for finite audio: {error}"
            ) from error
        return array.astype(audio.dtype, copy=False)


class UpmixStream(ABC):
    """Base class of streams; the returned blocks, joined, equal `Upmixer.upmix` of the whole.

    A subclass sets ``latency`` and defines ``_process(block)`` and ``_flush()``. The blocks that
    it receives are finite, of shape (channels, samples), of one channel count and data type, and
    may be overwritten after the call; so may the arrays that it returns. The base class applies
    the correction of ``exact_downmix``.

    Attributes
    ----------
    upmixer : Upmixer
    sample_rate : int
        Hz.
    channels : int
        Number of channels that it returns: those of the format, unless a subclass changes it.
    latency : float
        Largest number of samples buffered after any call of ``process``; infinite if all are.
    """

    latency: float = 0

    def __init__(self, upmixer: Upmixer, sample_rate: int) -> None:
        self.upmixer = upmixer
        self.sample_rate = sample_rate
        self.channels = upmixer.format.n_channels
        self._kind: tuple[int, DTypeLike] | None = None
        self._correction: DownmixCorrection | None = None
        self._originals = SampleQueue()  # the input of samples that were not returned yet
        self._ended = False

    def process(self, block: AudioLike[Any]) -> NDArray[Any]:
        """Process the next samples and return those that are ready.

        Parameters
        ----------
        block : array_like of float, shape (channels, samples), or Audio
            Any number of samples, 0 included; mono may be (samples,). An `Audio` must be at the
            rate of the stream, mono or stereo.

        Returns
        -------
        ndarray, shape (format.n_channels, ready)
            Continues the samples returned before, without delay; may be shorter than ``block``,
            or empty.

        Raises
        ------
        ShapeError, SignalError
            As `Upmixer.upmix`; also if channel count or data type change between blocks.
        OptionError, LayoutError
            If an `Audio` is at another rate, or its format is neither mono nor stereo.
        UpmixerError
            If the stream was flushed.
        """
        self._require_open()
        array = self.upmixer._unpack_block(block, self.sample_rate)
        kind = (len(array), array.dtype)
        if self._kind is None:
            self._kind = kind
            self._correction = self._find_correction(len(array))
        elif kind != self._kind:
            raise ShapeError(
                f"block has {kind[0]} channels of {kind[1]}, the blocks before it had "
                f"{self._kind[0]} of {self._kind[1]}"
            )
        if self._correction:
            self._originals.append(array)
        return self._correct(self._process(array))

    def flush(self) -> NDArray[Any]:
        """End the signal and return the buffered samples, shape (format.n_channels, rest)."""
        self._require_open()
        self._ended = True
        return self._correct(self._flush()) if self._kind else self._nothing()

    @abstractmethod
    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        """Return the samples that are ready."""

    @abstractmethod
    def _flush(self) -> NDArray[Any]:
        """Return the buffered samples; called once, after at least one block."""

    def _find_correction(self, channels: int) -> DownmixCorrection | None:
        return self.upmixer._correction(channels)

    def _correct(self, ready: NDArray[Any]) -> NDArray[Any]:
        """Correct ``ready`` so that its downmix equals the corresponding input."""
        if not self._correction or not ready.shape[1]:
            return ready
        surplus = ready.shape[1] - len(self._originals)
        if surplus > 0:
            raise UpmixerError(
                f"a stream of upmixer {self.upmixer.name!r} returned {surplus} samples more "
                "than it received"
            )
        return self._correction.apply(ready, self._originals.take(ready.shape[1]))

    def _nothing(self) -> NDArray[Any]:
        """Return no samples, in the data type of the blocks."""
        return np.zeros((self.channels, 0), self._kind[1] if self._kind else None)

    def _require_open(self) -> None:
        if self._ended:
            raise UpmixerError("this stream was flushed: call stream() for a new one")


class _MemorylessStream(UpmixStream):
    """Stream that upmixes every block on its own, at the native rate."""

    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        return self.upmixer._check_output(self.upmixer._upmix(block, self.sample_rate), block)

    def _flush(self) -> NDArray[Any]:
        return self._nothing()


class _WholeStream(UpmixStream):
    """Stream that buffers the whole signal and upmixes it at the end."""

    latency = math.inf

    def __init__(self, upmixer: Upmixer, sample_rate: int) -> None:
        super().__init__(upmixer, sample_rate)
        self._input = SampleQueue()

    def _find_correction(self, channels: int) -> DownmixCorrection | None:
        return None  # `upmix` applies it

    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        self._input.append(block)
        return self._nothing()

    def _flush(self) -> NDArray[Any]:
        return self.upmixer.upmix(self._input.take(), self.sample_rate)
