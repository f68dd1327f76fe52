"""Base class of plug-ins that process mono or stereo."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.errors import LayoutError, OptionError, ShapeError, SpatialkitError
from spatialkit.layouts import AmbisonicFormat, Format, get_format
from spatialkit.plugins.options import NoOptions, build_options, option_texts
from spatialkit.plugins.presets import Preset
from spatialkit.validation import MAX_SAMPLE_RATE, as_audio, as_sample_rate, require_finite

__all__ = ["Plugin"]


class Plugin:
    """Base class of plug-ins that process mono or stereo, with options declared in a dataclass.

    A base class of one kind of plug-in sets ``kind`` and ``error_class``.

    Parameters
    ----------
    **options
        Options as declared by ``options_class``, and ``preset``, the name of one of ``presets``,
        whose options are used unless they are specified, too.

    Attributes
    ----------
    kind : str
        Kind of plug-in in error messages, such as "upmixer".
    error_class : type
        Class of the errors of this kind of plug-in.
    name : str
        Name in the registry: letters, digits and "-".
    accepts : tuple of int
        Channel counts of the input: 1 is mono, 2 is stereo.
    sample_rate : int or None
        Native sample rate in Hz, None for any.
    options_class : type
        Frozen dataclass of the options, with fields declared by `option`.
    presets : tuple of Preset
        Options for a purpose, declared by `preset`; the option ``preset`` selects one.
    options : dataclass
        Validated options: an instance of ``options_class``.
    """

    kind: str = "plug-in"
    error_class: type[SpatialkitError] = SpatialkitError
    name: str
    accepts: tuple[int, ...]
    sample_rate: int | None = None
    options_class: type = NoOptions
    presets: tuple[Preset, ...] = ()

    def __init__(self, **options: Any) -> None:
        problem = self.unavailable()
        if problem:
            raise self.error_class(f"{self.kind} {self.name!r} {problem}")
        self.options = build_options(self, options)

    @classmethod
    def unavailable(cls) -> str:
        """Return why this plug-in cannot be used here ("needs ..."), or "" if it can.

        Called when plug-ins are listed: it must be fast and import nothing large.
        """
        return ""

    def _unpack_input(
        self, audio: AudioLike[Any], sample_rate: float | None
    ) -> tuple[NDArray[Any], int]:
        """Return samples as (channels, samples), and their rate, of an array or an `Audio`."""
        samples, found_rate, format = unpack_audio(audio, sample_rate=sample_rate)
        if format is not None:
            self._check_format(get_format(format))
        array = self._check_input(samples)
        if found_rate is None:
            raise OptionError("sample_rate is required for an array: pass the sample rate in Hz")
        return array, as_sample_rate(found_rate, maximum=MAX_SAMPLE_RATE)

    def _unpack_block(self, block: AudioLike[Any], sample_rate: int) -> NDArray[Any]:
        """Return a block of a stream at ``sample_rate`` as (channels, samples)."""
        samples, rate, format = unpack_audio(block, name="block")
        if rate is not None and rate != sample_rate:
            raise OptionError(
                f"block is an Audio at {rate:g} Hz, but the stream is at {sample_rate} Hz; call "
                f"stream({rate:g})"
            )
        if format is not None:
            self._check_format(get_format(format))
        return self._check_input(samples, "block")

    def _check_format(self, format: Format) -> None:
        """Refuse the format of an `Audio` that is neither mono nor stereo."""
        if isinstance(format, AmbisonicFormat):
            raise LayoutError(
                f"{self.kind} {self.name!r} accepts mono or stereo, got Ambisonics "
                f"({format.name!r}); convert it with spatialkit.render or spatialkit.downmix"
            )
        if format.n_channels not in self.accepts or format.n_channels > 2:
            counts = " or ".join(map(str, self.accepts))
            raise LayoutError(
                f"{self.kind} {self.name!r} accepts {counts} channels, got {format.n_channels} "
                f"({format.name!r}); convert it with spatialkit.downmix"
            )

    def _check_input(self, audio: ArrayLike, name: str = "audio") -> NDArray[Any]:
        """Return ``audio`` as (channels, samples)."""
        array = as_audio(audio, name, allow_mono=True)
        if array.ndim > 2:
            raise ShapeError(
                f"{name} must have shape (channels, samples), got {array.shape}: process one item "
                "at a time"
            )
        array = np.atleast_2d(array)
        if len(array) not in self.accepts:
            counts = " or ".join(map(str, self.accepts))
            turned = array.shape[1] in self.accepts
            hint = " - time is the last axis: transpose it" if turned else ""
            raise ShapeError(
                f"{self.kind} {self.name!r} accepts {counts} channels, (channels, samples), "
                f"got shape {array.shape}{hint}"
            )
        return require_finite(array, name)

    def __repr__(self) -> str:
        values = (f"{key}={value}" for key, value in option_texts(self).items())
        return f"{type(self).__name__}({', '.join(values)})"
