"""What every upmixer is: mono or stereo in, a layout or Ambisonic format out, whole or by blocks.

An upmixer is a subclass of `Upmixer` of ten lines::

    class Twin(Upmixer):
        '''Both channels, twice.'''

        name = "twin"
        accepts = (2,)
        format = get_layout("quad")
        memoryless = True

        def _upmix(self, audio, sample_rate):
            return np.concatenate([audio, audio])

The entry point ``spatialkit.upmixers`` of its package makes it known by name; `check_upmixer`
says whether it keeps the contract.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from spatialkit.errors import ShapeError, SignalError, UpmixerError
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.sample_queue import SampleQueue
from spatialkit.upmixing.downmix_correction import DownmixCorrection
from spatialkit.upmixing.options import NoOptions, build_options
from spatialkit.validation import as_audio, as_count, require_finite

__all__ = ["UpmixStream", "Upmixer"]


class Upmixer:
    """Base class of all upmixers.

    A subclass sets the class attributes below and defines ``_upmix(audio, sample_rate)``, which
    gets finite audio of shape (channels, samples), float32 or float64, at the native rate, and
    returns (channels of ``format``, samples), aligned in time, in memory that it does not use
    again. It may define ``_stream(sample_rate)``, which returns an `UpmixStream`.

    If its options have a field ``exact_downmix`` (`spatialkit.upmixing.controls.exact_downmix`)
    and it is True, what comes out is `spatialkit.match_downmix` of that, whole and in streams,
    where a rule folds ``format`` down; elsewhere it stays as it is.

    Parameters
    ----------
    **options
        As ``options_class`` declares them.

    Attributes
    ----------
    name : str
        What `get_upmixer` calls it: letters, digits and "-".
    accepts : tuple of int
        Channel counts of the input: 1 is mono, 2 is stereo.
    sample_rate : int or None
        Native rate in hertz, None for any. Audio of another rate is resampled to it and back.
    format : Layout or AmbisonicFormat
        What comes out. An option called ``layout`` sets it; others set it themselves.
    options_class : type
        Frozen dataclass of the options, its fields made with `option`.
    options : dataclass
        The options of this upmixer, checked and complete: an instance of ``options_class``.
    memoryless : bool
        True if every sample depends on the input at the same moment alone: blocks are then
        upmixed as they come.
    linear_level : bool
        True if g times the input gives g times the output: nothing then depends on how loud the
        input is. `check_upmixer` holds it to that.

    Raises
    ------
    OptionError
        If there is no such option, or it does not accept the value.
    UpmixerError
        If the upmixer cannot be used here (see `unavailable`).
    """

    name: str
    accepts: tuple[int, ...]
    sample_rate: int | None = None
    format: Layout | AmbisonicFormat
    options_class: type = NoOptions
    memoryless: bool = False
    linear_level: bool = False

    def __init__(self, **options: Any) -> None:
        problem = self.unavailable()
        if problem:
            raise UpmixerError(f"upmixer {self.name!r} {problem}")
        self.options = build_options(self, options)
        layout = getattr(self.options, "layout", None)
        if layout is not None:
            self.format = layout

    @classmethod
    def unavailable(cls) -> str:
        """Why this upmixer cannot be used here ("needs ..."), or "" if it can.

        Asked when upmixers are listed: it must be quick, and import nothing heavy.
        """
        return ""

    def upmix(self, audio: ArrayLike, sample_rate: int) -> NDArray[Any]:
        """Upmix a whole signal.

        Parameters
        ----------
        audio : array_like of float, shape (channels, samples)
            Its channel count one of ``accepts``; mono may be (samples,).
        sample_rate : int
            In hertz. If it is not the native rate, audio is resampled to that and back, with
            linear phase and the length restored.

        Returns
        -------
        ndarray, shape (format.n_channels, samples)
            As long as the input, aligned with it in time, of its dtype.

        Raises
        ------
        ShapeError, SignalError, OptionError
            If the input is no such audio, holds NaN or infinity, or the rate is no whole number
            above 0.
        UpmixerError
            If the upmixer breaks its contract: wrong shape, NaN or infinity.
        """
        array = self._check_input(audio)
        rate = as_count(sample_rate, "sample_rate")
        if self.sample_rate is None or self.sample_rate == rate:
            result = self._check_output(self._upmix(array, rate), array)
        else:
            result = self._upmix_resampled(array, rate, self.sample_rate)
        correction = self._correction(len(array))
        return correction.apply(result, array) if correction else result

    def stream(self, sample_rate: int) -> UpmixStream:
        """Begin to upmix a signal that comes block by block.

        Memoryless upmixers answer each block at once. Others, unless they define ``_stream``,
        and every upmixer away from its native rate, hold all back until ``flush``.

        Parameters
        ----------
        sample_rate : int
            In hertz.

        Returns
        -------
        UpmixStream
        """
        rate = as_count(sample_rate, "sample_rate")
        if self.sample_rate not in (None, rate):
            return _WholeStream(self, rate)
        return self._stream(rate)

    def _upmix(self, audio: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        raise NotImplementedError(f"{type(self).__qualname__} must define _upmix")

    def _stream(self, sample_rate: int) -> UpmixStream:
        return (_MemorylessStream if self.memoryless else _WholeStream)(self, sample_rate)

    def _correction(self, channels: int) -> DownmixCorrection | None:
        """What makes the upmix of so many channels fold down to them, if that is asked for."""
        if not getattr(self.options, "exact_downmix", False):
            return None
        return DownmixCorrection.find(self.format, channels)

    def _upmix_resampled(self, audio: NDArray[Any], rate: int, native_rate: int) -> NDArray[Any]:
        """Upmix at the native rate; soxr aligns its output with its input."""
        import soxr

        # A copy: soxr wants frames in C order, and a single frame is not always recognised as such.
        frames = audio.T.copy(order="C")
        native = np.ascontiguousarray(soxr.resample(frames, rate, native_rate).T)
        result = self._check_output(self._upmix(native, native_rate), native)
        back = soxr.resample(result.T.copy(order="C"), native_rate, rate).T
        restored = np.zeros((len(back), audio.shape[1]), dtype=audio.dtype)
        length = min(restored.shape[1], back.shape[1])
        restored[:, :length] = back[:, :length]
        return restored

    def _check_input(self, audio: ArrayLike, name: str = "audio") -> NDArray[Any]:
        """``audio`` as (channels, samples)."""
        array = as_audio(audio, name, allow_mono=True)
        if array.ndim > 2:
            raise ShapeError(
                f"{name} must have shape (channels, samples), got {array.shape}: upmix one item "
                "at a time"
            )
        array = np.atleast_2d(array)
        if len(array) not in self.accepts:
            counts = " or ".join(map(str, self.accepts))
            turned = array.shape[1] in self.accepts
            hint = " - time is the last axis: transpose it" if turned else ""
            raise ShapeError(
                f"upmixer {self.name!r} accepts {counts} channels, (channels, samples), "
                f"got shape {array.shape}{hint}"
            )
        return require_finite(array, name)

    def _check_output(self, result: NDArray[Any], audio: NDArray[Any]) -> NDArray[Any]:
        """``result`` in the dtype of ``audio``, or the reason why it is no upmix of it."""
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

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.options})"


class UpmixStream(ABC):
    """An upmix under way; what its calls return, joined, equals `Upmixer.upmix` of the whole.

    A subclass sets ``latency`` and defines ``_process(block)`` and ``_flush()``: the blocks that
    it gets are finite, (channels, samples), of one channel count and dtype, and may be
    overwritten after the call; so may what it returns. The correction of ``exact_downmix`` is
    made here: a subclass need not think of it.

    Attributes
    ----------
    upmixer : Upmixer
    sample_rate : int
        In hertz.
    latency : float
        The most samples held back after any call of ``process``; infinite if all are.
    """

    latency: float = 0

    def __init__(self, upmixer: Upmixer, sample_rate: int) -> None:
        self.upmixer = upmixer
        self.sample_rate = sample_rate
        self._kind: tuple[int, DTypeLike] | None = None
        self._correction: DownmixCorrection | None = None
        self._originals = SampleQueue()  # the input of samples that were not returned yet
        self._ended = False

    def process(self, block: ArrayLike) -> NDArray[Any]:
        """Take the next samples and return those that are ready.

        Parameters
        ----------
        block : array_like of float, shape (channels, samples)
            Any number of samples, 0 included; mono may be (samples,).

        Returns
        -------
        ndarray, shape (format.n_channels, ready)
            What follows on what was returned before, never delayed: maybe fewer samples than
            came in, even none.

        Raises
        ------
        ShapeError, SignalError
            As `Upmixer.upmix`; also if channel count or dtype change between blocks.
        UpmixerError
            If the stream was flushed.
        """
        self._require_open()
        array = self.upmixer._check_input(block, "block")
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
        """End the signal and return what was held back, shape (format.n_channels, rest)."""
        self._require_open()
        self._ended = True
        return self._correct(self._flush()) if self._kind else self._nothing()

    @abstractmethod
    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        """Samples that are ready."""

    @abstractmethod
    def _flush(self) -> NDArray[Any]:
        """Samples that were held back; called once, after at least one block."""

    def _find_correction(self, channels: int) -> DownmixCorrection | None:
        return self.upmixer._correction(channels)

    def _correct(self, ready: NDArray[Any]) -> NDArray[Any]:
        """``ready`` made to fold down to the samples that it is the upmix of."""
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
        """No samples, of the dtype of the blocks."""
        return np.zeros((self.upmixer.format.n_channels, 0), self._kind[1] if self._kind else None)

    def _require_open(self) -> None:
        if self._ended:
            raise UpmixerError("this stream was flushed: call stream() for a new one")


class _MemorylessStream(UpmixStream):
    """Every block is a signal of its own, at the native rate."""

    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        return self.upmixer._check_output(self.upmixer._upmix(block, self.sample_rate), block)

    def _flush(self) -> NDArray[Any]:
        return self._nothing()


class _WholeStream(UpmixStream):
    """All is held back and upmixed at the end."""

    latency = math.inf

    def __init__(self, upmixer: Upmixer, sample_rate: int) -> None:
        super().__init__(upmixer, sample_rate)
        self._input = SampleQueue()

    def _find_correction(self, channels: int) -> DownmixCorrection | None:
        return None  # `upmix` makes it

    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        self._input.append(block)
        return self._nothing()

    def _flush(self) -> NDArray[Any]:
        return self.upmixer.upmix(self._input.take(), self.sample_rate)
