"""Levels, spectrograms and correlation of channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.errors import OptionError, ShapeError
from spatialkit.layouts import AmbisonicFormat, Format, Layout, channels_of, get_format
from spatialkit.metrics import correlation
from spatialkit.plots import figures
from spatialkit.stft import stft
from spatialkit.validation import as_audio, as_count, as_number, as_sample_rate, require_finite

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Levels",
    "Spectrograms",
    "channel_labels",
    "channel_levels",
    "plot_goniometer",
    "plot_levels",
    "plot_spectrograms",
    "spectrograms",
]

AMBISONIC_LABELS = ("W", "Y", "Z", "X")
# Window of spectrograms in seconds, lowest frequency in Hz, and bands per octave.
WINDOW_SECONDS = 0.085
MIN_FREQUENCY, MAX_FREQUENCY = 40.0, 20000.0
BANDS_PER_OCTAVE = 8
MAX_PANEL_COLUMNS = 4


@dataclass(frozen=True, eq=False)
class Levels:
    """Level of each channel over time, as `channel_levels` returns it."""

    level: NDArray[np.float64]
    """dBFS (RMS), -200 for silence, shape (channels, frames)."""
    seconds: NDArray[np.float64]
    """Edges of the frames, shape (frames + 1,)."""
    labels: tuple[str, ...]
    """Label of each channel."""


@dataclass(frozen=True, eq=False)
class Spectrograms:
    """Level by frequency and time of each channel, as `spectrograms` returns it."""

    level: NDArray[np.float64]
    """dBFS per band, -200 for silence, shape (channels, bands, frames)."""
    frequencies: NDArray[np.float64]
    """Edges of the bands in Hz, shape (bands + 1,)."""
    seconds: NDArray[np.float64]
    """Edges of the frames, shape (frames + 1,)."""
    labels: tuple[str, ...]
    """Label of each channel."""


def channel_labels(form: Format | None, channels: int) -> tuple[str, ...]:
    """Return a label for each channel of a format.

    Examples
    --------
    >>> channel_labels(get_format("5.1"), 6)
    ('FL', 'FR', 'FC', 'LFE', 'SL', 'SR')
    >>> channel_labels(get_format("ambix2"), 9)[2:6]
    ('Z', 'X', 'ACN 4', 'ACN 5')
    >>> channel_labels(None, 2)
    ('1', '2')
    """
    if isinstance(form, Layout):
        return form.labels
    if isinstance(form, AmbisonicFormat) and form.channel_order == "ACN":
        return (*AMBISONIC_LABELS, *(f"ACN {n}" for n in range(4, channels)))
    return tuple(str(n + 1) for n in range(channels))


def channel_levels(
    audio: AudioLike[Any],
    *,
    sample_rate: float | None = None,
    format: str | Format | None = None,
    frame: float = 0.2,
) -> Levels:
    """Measure the level of each channel over time.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (channels, samples)
    sample_rate : float, optional
        Hz; required for arrays.
    format : str, Layout or AmbisonicFormat, optional
        Format of ``audio``, which determines the labels.
    frame : float
        Length of a frame in seconds; the last one may be shorter.

    Returns
    -------
    Levels

    Raises
    ------
    ShapeError, SignalError, LayoutError, OptionError
        If an argument is not accepted.

    Examples
    --------
    >>> tone = np.sin(np.arange(48000)) * [[1.0], [0.5]]
    >>> channel_levels(tone, sample_rate=48000, frame=0.5).level.round(1)
    array([[-3., -3.],
           [-9., -9.]])
    """
    samples, rate, labels = _signal(audio, sample_rate, format)
    step = as_number(frame, "frame", minimum=1e-3, maximum=3600.0) * rate
    starts = np.arange(0.0, max(samples.shape[1], 1), max(step, 1.0)).round().astype(int)
    edges = np.append(starts, samples.shape[1])
    power = np.zeros((len(samples), len(starts)))
    for n, channel in enumerate(samples):
        if channel.size:
            squares = np.add.reduceat(np.square(channel, dtype=np.float64), starts)
            power[n] = squares / np.diff(edges)
    return Levels(figures.decibels(power), edges / rate, labels)


def spectrograms(
    audio: AudioLike[Any],
    *,
    sample_rate: float | None = None,
    format: str | Format | None = None,
    columns: int = 400,
) -> Spectrograms:
    """Measure the level of each channel by frequency and time.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (channels, samples)
    sample_rate : float, optional
        Hz; required for arrays.
    format : str, Layout or AmbisonicFormat, optional
        Format of ``audio``, which determines the labels.
    columns : int
        Largest number of frames; longer audio has longer frames.

    Returns
    -------
    Spectrograms
        Bands of an eighth of an octave from 40 Hz to 20 kHz or half the sample rate. Below 200 Hz
        the resolution is that of the window, 12 Hz.

    Raises
    ------
    ShapeError, SignalError, LayoutError, OptionError
        If an argument is not accepted.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 / 48000 * np.arange(48000))[None]
    >>> found = spectrograms(tone, sample_rate=48000)
    >>> loudest = found.level[0].max(axis=1).argmax()
    >>> bool(found.frequencies[loudest] <= 1000 <= found.frequencies[loudest + 1])
    True
    """
    samples, rate, labels = _signal(audio, sample_rate, format)
    n_fft = 1 << max(round(np.log2(WINDOW_SECONDS * rate)), 4)
    top = min(MAX_FREQUENCY, rate / 2.0)
    count = max(int(np.ceil(BANDS_PER_OCTAVE * np.log2(top / MIN_FREQUENCY))), 1)
    edges = MIN_FREQUENCY * 2.0 ** (np.arange(count + 1) / BANDS_PER_OCTAVE)
    weights = _band_weights(edges, rate, n_fft)
    hop = n_fft // 2
    frames = 1 + samples.shape[1] // hop
    together = -(-frames // as_count(columns, "columns"))
    starts = np.arange(0, frames, together)
    # A full-scale sine has the level of its RMS, -3 dBFS.
    scale = 2.0 / np.sum(np.hanning(n_fft + 1)[:-1] ** 2) / n_fft
    power = np.empty((len(samples), count, len(starts)))
    counts = np.diff(np.append(starts, frames))
    for n, channel in enumerate(samples):
        spectrum = stft(channel[None].astype(np.float32, copy=False), n_fft=n_fft, hop=hop)[0]
        squares = spectrum.real**2 + spectrum.imag**2
        power[n] = np.add.reduceat(weights @ squares, starts, axis=1) * scale / counts
    seconds = np.append(starts, frames) * hop / rate
    return Spectrograms(figures.decibels(power), edges, seconds, labels)


def _band_weights(edges: NDArray[Any], rate: float, n_fft: int) -> NDArray[np.float32]:
    """Return the part of each bin in each band, (bands, bins)."""
    width = rate / n_fft
    lower = (np.arange(n_fft // 2 + 1) - 0.5) * width
    overlap = np.minimum(edges[1:, None], lower + width) - np.maximum(edges[:-1, None], lower)
    return (np.maximum(overlap, 0.0) / width).astype(np.float32)


def plot_levels(
    audio: AudioLike[Any] | Levels,
    *,
    ax: Axes | None = None,
    sample_rate: float | None = None,
    format: str | Format | None = None,
    frame: float = 0.2,
    floor_db: float = -60.0,
) -> Axes:
    """Plot the level of each channel over time.

    Parameters
    ----------
    audio : array_like of float, Audio or Levels, shape (channels, samples)
    ax : matplotlib.axes.Axes, optional
        Axes to draw in; by default those of a new figure.
    sample_rate, format, frame
        As in `channel_levels`.
    floor_db : float
        Level in dBFS of the darkest colour.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ShapeError, SignalError, LayoutError, OptionError
        If an argument is not accepted.
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.

    Examples
    --------
    >>> axes = plot_levels(np.ones((2, 48000)), sample_rate=48000, format="stereo")
    >>> [label.get_text() for label in axes.get_yticklabels()]
    ['FL', 'FR']
    """
    found: Any = audio
    if not isinstance(found, Levels):
        found = channel_levels(found, sample_rate=sample_rate, format=format, frame=frame)
    count = len(found.labels)
    axes = figures.as_axes(ax, height=1.2 + 0.24 * count)
    image = axes.pcolormesh(
        found.seconds, np.arange(count + 1), found.level, vmin=floor_db,
        vmax=max(np.ceil(found.level.max() / 5.0) * 5.0, floor_db + 5.0),
        cmap=figures.LEVEL_COLOURS, rasterized=True,
    )  # fmt: skip
    axes.set_yticks(np.arange(count) + 0.5, found.labels)
    axes.invert_yaxis()
    axes.set_xlabel("time, s")
    axes.figure.colorbar(image, ax=axes, label="level, dBFS", pad=0.02)
    return axes


def plot_spectrograms(
    audio: AudioLike[Any] | Spectrograms,
    *,
    ax: Any = None,
    sample_rate: float | None = None,
    format: str | Format | None = None,
    range_db: float = 70.0,
) -> NDArray[Any]:
    """Plot a spectrogram of each channel, all with the same colours.

    Parameters
    ----------
    audio : array_like of float, Audio or Spectrograms, shape (channels, samples)
    ax : sequence of matplotlib.axes.Axes, optional
        Axes to draw in, one per channel; by default those of a new figure.
    sample_rate, format
        As in `spectrograms`.
    range_db : float
        Range of the colours in dB below the loudest band.

    Returns
    -------
    ndarray of matplotlib.axes.Axes, shape (channels,)

    Raises
    ------
    ShapeError, SignalError, LayoutError, OptionError
        If an argument is not accepted.
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal((2, 48000))
    >>> len(plot_spectrograms(noise, sample_rate=48000, format="stereo"))
    2
    """
    found: Any = audio
    if not isinstance(found, Spectrograms):
        found = spectrograms(found, sample_rate=sample_rate, format=format)
    count = len(found.labels)
    columns = min(count, MAX_PANEL_COLUMNS if count > 6 else 2 if count in (2, 4) else 3)
    height = 1.9 if count > 3 else 2.7
    width = figures.WIDTH + 1.2 * (columns == MAX_PANEL_COLUMNS)
    panels = figures.as_panels(ax, count, columns=columns, height=height, width=width, share_x=True)
    loudest = max(float(found.level.max()), -150.0)
    for axes, level, label in zip(panels, found.level, found.labels, strict=True):
        image = axes.pcolormesh(
            found.seconds, found.frequencies, level, vmin=loudest - range_db, vmax=loudest,
            cmap=figures.LEVEL_COLOURS, rasterized=True,
        )  # fmt: skip
        axes.set(yscale="log", yticks=[100.0, 1000.0, 10000.0])
        axes.set_yticklabels(["100", "1k", "10k"])
        axes.minorticks_off()
        axes.set_title(label, fontsize=figures.FONT_SIZE)
    if ax is None:
        figure = panels[0].figure
        figure.supxlabel("time, s", fontsize=figures.FONT_SIZE)
        figure.supylabel("frequency, Hz", fontsize=figures.FONT_SIZE)
        figure.colorbar(image, ax=list(figure.axes), label="level per band, dBFS", pad=0.02)
    return panels


def plot_goniometer(
    stereo: AudioLike[Any], *, ax: Axes | None = None, resolution: int = 160
) -> Axes:
    """Plot the left and right channels against each other, with their correlation.

    Mono is a vertical line, a signal in one channel a diagonal one, channels with opposite signs a
    horizontal one. The colour is the number of samples on a logarithmic scale.

    Parameters
    ----------
    stereo : array_like of float or Audio, shape (2, samples)
    ax : matplotlib.axes.Axes, optional
        Axes to draw in; by default those of a new figure.
    resolution : int
        Number of cells along each axis.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ShapeError, SignalError, OptionError
        If an argument is not accepted.
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.

    Examples
    --------
    >>> axes = plot_goniometer(np.random.default_rng(0).standard_normal((2, 4800)))
    """
    samples, _, _ = unpack_audio(stereo)
    array = require_finite(as_audio(samples, "stereo", channels=2), "stereo")
    if array.ndim != 2:
        raise ShapeError(f"stereo must have shape (2, samples), got {array.shape}")
    axes = figures.as_axes(ax, 4.2, 4.2)
    left, right = array.astype(np.float64)
    peak = float(np.abs(array).max(initial=0.0)) or 1.0
    limit = np.sqrt(2.0) * peak
    side, middle = (right - left) / np.sqrt(2.0), (left + right) / np.sqrt(2.0)
    edges = np.linspace(-limit, limit, resolution + 1)
    counts, _, _ = np.histogram2d(middle, side, bins=(edges, edges))
    shown = np.ma.masked_equal(np.log10(np.maximum(counts, 1e-3)), -3.0)
    axes.pcolormesh(edges, edges, shown, cmap=figures.LEVEL_COLOURS, rasterized=True)
    for x in (-1.0, 1.0):
        axes.plot(
            [0.0, x * peak / np.sqrt(2)], [0.0, peak / np.sqrt(2)], color=figures.GREY, lw=0.8
        )
    for text, x in (("L", -0.55), ("R", 0.55)):
        axes.text(x * limit, 0.55 * limit, text, ha="center", va="center")
    axes.text(0.0, 0.97 * limit, "mono", ha="center", va="top", color=figures.GREY)
    value = float(correlation(array))
    shown_value = "silent" if np.isnan(value) else f"correlation {value:+.2f}"
    axes.set_xlabel(shown_value)
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_color(figures.GREY)
    return axes


def _signal(
    audio: AudioLike[Any], sample_rate: float | None, format: str | Format | None
) -> tuple[NDArray[Any], float, tuple[str, ...]]:
    """Return finite samples (channels, samples), their rate, and the labels of the channels."""
    samples, rate, form = unpack_audio(audio, sample_rate=sample_rate, format=format)
    if rate is None:
        raise OptionError("sample_rate is missing; specify it in Hz, or pass an Audio")
    where = None if form is None else get_format(form)
    array = as_audio(samples) if where is None else channels_of(samples, where)
    if array.ndim != 2:
        raise ShapeError(f"audio must be one item, (channels, samples), got shape {array.shape}")
    require_finite(array)
    return array, as_sample_rate(rate), channel_labels(where, len(array))
