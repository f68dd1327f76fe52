"""Samples with their sample rate and format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias

import numpy as np

from spatialkit._display import plots
from spatialkit.errors import LayoutError, OptionError
from spatialkit.layouts import (
    AmbisonicFormat,
    ChannelOrder,
    Format,
    Layout,
    Normalization,
    get_format,
    same_channels,
)
from spatialkit.tags import Tags
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import as_sample_rate

__all__ = ["Audio", "AudioLike", "require_equal_rates", "unpack_ambisonics", "unpack_audio"]


@dataclass(frozen=True, eq=False, repr=False)
class Audio(Generic[FloatT]):
    """Samples with their sample rate and format, as `spatialkit.read` returns them.

    Functions that expect samples accept an `Audio` in place of the array and use its sample rate
    and format; an explicit argument that contradicts them is refused. They return arrays.

    Parameters
    ----------
    samples : ndarray of float, shape (..., channels, samples)
        Full scale is -1 to 1.
    sample_rate : int
        Hz; a whole float such as 44100.0 is accepted.
    format : str, Layout or AmbisonicFormat, optional
        Meaning of the channels; None if it is unknown.
    tags : Tags
        Tags of the file from which the samples were read.

    Examples
    --------
    >>> audio = Audio(np.zeros((6, 48000)), 48000, "5.1")
    >>> audio
    Audio(6 channels, 48000 samples at 48000 Hz, '5.1')
    >>> audio.format, audio.duration
    (Layout('5.1': FL FR FC LFE SL SR), 1.0)
    """

    samples: FloatArray[FloatT]
    sample_rate: int
    format: Format | None = None
    tags: Tags = field(default_factory=Tags)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sample_rate", as_sample_rate(self.sample_rate))
        if self.format is not None:
            object.__setattr__(self, "format", get_format(self.format))

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.samples.shape[-1] / self.sample_rate

    def plot(self, *, ax: Any = None, **options: Any) -> Any:
        """Plot the level of each channel over time, see `spatialkit.plots.plot_levels`."""
        return plots().plot_levels(self, ax=ax, **options)

    def _repr_html_(self) -> str:
        return str(plots().audio_html(self))

    def __repr__(self) -> str:
        shape = np.shape(self.samples)
        *batch, channels, samples = shape if len(shape) > 1 else (1, *shape)
        items = f"{' x '.join(map(str, batch))} items, " if batch else ""
        form = "unknown format" if self.format is None else repr(self.format.name)
        return (
            f"Audio({items}{channels} channel{'' if channels == 1 else 's'}, "
            f"{samples} samples at {self.sample_rate} Hz, {form})"
        )


AudioLike: TypeAlias = FloatArray[FloatT] | Audio[FloatT]
"""Samples as an array, or with their sample rate and format."""


def unpack_audio(
    audio: AudioLike[FloatT],
    *,
    sample_rate: float | None = None,
    format: str | Format | None = None,
    name: str = "audio",
    format_name: str = "format",
) -> tuple[FloatArray[FloatT], float | None, str | Format | None]:
    """Return samples, sample rate and format of an array or an `Audio`.

    Parameters
    ----------
    audio : array_like or Audio
    sample_rate : float, optional
        Value of the argument ``sample_rate`` of the calling function; None if it was not given.
    format : str, Layout or AmbisonicFormat, optional
        Value of the argument that specifies the format; None if it was not given.
    name, format_name : str
        Names of the arguments ``audio`` and ``format`` in the calling function, for error messages.

    Returns
    -------
    samples : array_like
        Unchecked, as given.
    sample_rate : float or None
        That of the `Audio`, else the argument.
    format : str, Layout, AmbisonicFormat or None
        The argument, else that of the `Audio`.

    Raises
    ------
    OptionError
        If ``sample_rate`` contradicts the `Audio`.
    LayoutError
        If ``format`` does not have the channels of the `Audio`.

    Examples
    --------
    >>> audio = Audio(np.zeros((2, 480)), 48000, "stereo")
    >>> samples, sample_rate, format = unpack_audio(audio)
    >>> samples.shape, sample_rate, format
    ((2, 480), 48000, Layout('stereo': FL FR))
    """
    if not isinstance(audio, Audio):
        return audio, sample_rate, format
    if sample_rate is not None and as_sample_rate(sample_rate) != audio.sample_rate:
        raise OptionError(
            f"sample_rate is {sample_rate:g} Hz, but {name} is an Audio at {audio.sample_rate} Hz; "
            "omit sample_rate"
        )
    if format is None or audio.format is None:
        return audio.samples, audio.sample_rate, audio.format if format is None else format
    given = get_format(format)
    if not same_channels(audio.format, given):
        raise LayoutError(
            f"{format_name} is {given.name!r}, but {name} is an Audio in {audio.format.name!r}; "
            f"omit {format_name}, or pass the samples of {name}"
        )
    return audio.samples, audio.sample_rate, given


def require_equal_rates(first: AudioLike[FloatT], second: AudioLike[FloatT], names: str) -> None:
    """Check that two signals have the same sample rate, where both are `Audio`.

    Parameters
    ----------
    first, second : array_like or Audio
    names : str
        Names of both arguments, for the error message, such as "reference and estimate".

    Raises
    ------
    OptionError
        If both are `Audio` and their sample rates differ.

    Examples
    --------
    >>> audio = Audio(np.zeros((2, 480)), 48000)
    >>> require_equal_rates(audio, audio, "reference and estimate")
    """
    if not (isinstance(first, Audio) and isinstance(second, Audio)):
        return
    if first.sample_rate != second.sample_rate:
        raise OptionError(
            f"{names} must have the same sample rate, got {first.sample_rate} and "
            f"{second.sample_rate} Hz; convert one with spatialkit.files.resample"
        )


def unpack_ambisonics(
    ambisonics: AudioLike[FloatT],
    *,
    normalization: Normalization | None = None,
    channel_order: ChannelOrder | None = None,
    name: str = "ambisonics",
) -> tuple[FloatArray[FloatT], Normalization, ChannelOrder]:
    """Return samples, normalization and channel order of an array or an Ambisonic `Audio`.

    Parameters
    ----------
    ambisonics : array_like or Audio
    normalization, channel_order : str, optional
        Values of these arguments of the calling function; None if they were not given.
    name : str
        Name of the argument ``ambisonics`` in the calling function, for error messages.

    Returns
    -------
    samples : array_like
        Unchecked, as given.
    normalization, channel_order : str
        Those of the `Audio`, else the arguments, "SN3D" and "ACN" by default.

    Raises
    ------
    LayoutError
        If the `Audio` is in a loudspeaker layout, or an argument contradicts its format.

    Examples
    --------
    >>> unpack_ambisonics(Audio(np.zeros((4, 480)), 48000, "fuma1"))[1:]
    ('FuMa', 'FuMa')
    """
    form = audio_format(ambisonics)
    if isinstance(form, Layout):
        raise LayoutError(
            f"{name} must be Ambisonics, got an Audio in {form.name!r}; encode it first, such as "
            "with render(audio, target='foa')"
        )
    default = AmbisonicFormat() if form is None else form
    given = AmbisonicFormat(
        default.order,
        default.normalization if normalization is None else normalization,
        default.channel_order if channel_order is None else channel_order,
    )
    for argument in ("normalization", "channel_order"):
        value, known = getattr(given, argument), getattr(default, argument)
        if form is not None and value != known:
            raise LayoutError(
                f"{argument} is {value!r}, but {name} is an Audio with {argument} {known!r}; "
                f"omit {argument}"
            )
    samples = ambisonics.samples if isinstance(ambisonics, Audio) else ambisonics
    return samples, given.normalization, given.channel_order


def audio_format(audio: AudioLike[FloatT]) -> Format | None:
    """Return the format of an `Audio`; None for an array."""
    return audio.format if isinstance(audio, Audio) else None
