"""Plots of energy by direction, and of head-related transfer functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from spatialkit.audio import AudioLike
from spatialkit.binaural import HRTF, read_hrtf
from spatialkit.errors import OptionError
from spatialkit.layouts import Format, Layout, get_layout
from spatialkit.plots import figures
from spatialkit.plots.energy import Anglegram, EnergyMap, anglegram, energy_map
from spatialkit.plots.gains import mark_loudspeakers
from spatialkit.typing import StrPath
from spatialkit.validation import as_choice, as_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Ear", "plot_anglegram", "plot_energy_map", "plot_hrtf"]

Ear = Literal["left", "right"]
"""Ear of a head."""


def plot_energy_map(
    audio: AudioLike[Any] | EnergyMap,
    *,
    ax: Axes | None = None,
    sample_rate: float | None = None,
    format: str | Format | None = None,
    seconds: float | None = None,
    layout: StrPath | Layout | None = None,
    range_db: float = 20.0,
    **options: Any,
) -> Axes:
    """Plot the energy that arrives from each direction.

    Parameters
    ----------
    audio : array_like of float, Audio or EnergyMap, shape (channels, samples)
    ax : matplotlib.axes.Axes, optional
        Axes to draw in; by default those of a new figure.
    sample_rate, format
        As in `energy_map`.
    seconds : float, optional
        Time of the frame that is shown; by default the mean of all frames.
    layout : str, path or Layout, optional
        Loudspeakers that are marked.
    range_db : float
        Range of the colours in dB below the loudest direction.
    **options
        Further arguments of `energy_map`.

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
    >>> from spatialkit import encode_foa
    >>> scene = encode_foa(np.ones(4800), azimuth=60.0)
    >>> axes = plot_energy_map(scene, sample_rate=48000, format="foa")
    """
    found: Any = audio
    if not isinstance(found, EnergyMap):
        found = energy_map(found, sample_rate=sample_rate, format=format, **options)
    if seconds is None:
        power = found.power.mean(axis=0)
    else:
        time = as_number(seconds, "seconds", minimum=0.0)
        power = found.power[np.abs(found.seconds - time).argmin()]
    axes = figures.as_axes(ax, height=3.5)
    # The first azimuth again, so that the map closes.
    azimuth = np.append(found.azimuth, 180.0)
    power = np.concatenate([power, power[:, :1]], axis=1)
    level = figures.decibels(power, float(power.max()))
    image = axes.pcolormesh(
        azimuth, found.elevation, level, vmin=-range_db, vmax=0.0, shading="gouraud",
        cmap=figures.LEVEL_COLOURS, rasterized=True,
    )  # fmt: skip
    if layout is not None:
        mark_loudspeakers(axes, get_layout(layout))
    figures.azimuth_axis(axes)
    limits = float(found.elevation[0]), float(found.elevation[-1])
    axes.set(ylim=limits, yticks=[-80, -40, 0, 40, 80], ylabel="elevation, degrees")
    axes.figure.colorbar(image, ax=axes, label="energy, dB", pad=0.02)
    return axes


def plot_anglegram(
    audio: AudioLike[Any] | Anglegram,
    *,
    ax: Axes | None = None,
    sample_rate: float | None = None,
    format: str | Format | None = None,
    range_db: float = 40.0,
    reference: float | None = None,
    colorbar: bool = True,
    **options: Any,
) -> Axes:
    """Plot the energy by azimuth over time.

    Parameters
    ----------
    audio : array_like of float, Audio or Anglegram, shape (channels, samples)
    ax : matplotlib.axes.Axes, optional
        Axes to draw in; by default those of a new figure.
    sample_rate, format
        As in `anglegram`.
    range_db : float
        Range of the colours in dB below the reference.
    reference : float, optional
        Power at 0 dB, for several plots with the same colours; by default that of the loudest cell.
    colorbar : bool
        Whether a scale of the colours is added.
    **options
        Further arguments of `anglegram`.

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
    >>> from spatialkit import encode_foa
    >>> scene = encode_foa(np.random.default_rng(0).standard_normal(48000), azimuth=60.0)
    >>> axes = plot_anglegram(scene, sample_rate=48000, format="foa")
    """
    found: Any = audio
    if not isinstance(found, Anglegram):
        found = anglegram(found, sample_rate=sample_rate, format=format, **options)
    axes = figures.as_axes(ax)
    rows, _columns = found.power.shape
    step = 360.0 / rows
    # The cells around -180 degrees are also those around 180.
    power = np.concatenate([found.power, found.power[:1]])
    start = 2.0 * found.seconds[0]
    edges = np.append(np.maximum(found.seconds - start / 2.0, 0.0), found.seconds[-1] + start / 2.0)
    image = axes.pcolormesh(
        edges, (np.arange(rows + 2) - 0.5) * step - 180.0,
        figures.decibels(power, reference or float(power.max())), vmin=-range_db, vmax=0.0,
        cmap=figures.LEVEL_COLOURS, rasterized=True,
    )  # fmt: skip
    axes.set_yticks(
        [180, 90, 0, -90, -180], ["rear 180", "left 90", "front 0", "right -90", "rear -180"]
    )
    axes.set(ylim=(-180.0, 180.0), xlabel="time, s", ylabel="azimuth, degrees")
    label = "energy, dB relative to the loudest cell" if reference is None else "energy, dB"
    if colorbar:
        axes.figure.colorbar(image, ax=axes, label=label, pad=0.02)
    return axes


def plot_hrtf(
    hrtf: StrPath | HRTF = "ku100",
    *,
    ax: Axes | None = None,
    ear: Ear = "left",
    elevation: float = 0.0,
    range_db: float = 45.0,
) -> Axes:
    """Plot the level at one ear by azimuth and frequency.

    Parameters
    ----------
    hrtf : str, path or HRTF
        As in `spatialkit.read_hrtf`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in; by default those of a new figure.
    ear : {"left", "right"}
    elevation : float
        Elevation of the sources in degrees.
    range_db : float
        Range of the colours in dB below the highest level.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    AudioFileError, OptionError
        If the HRTF cannot be read, or another argument is not accepted.
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.

    Examples
    --------
    >>> axes = plot_hrtf("ku100")
    """
    heads = read_hrtf(hrtf)
    number = get_args(Ear).index(as_choice(ear, "ear", get_args(Ear)))
    height = as_number(elevation, "elevation", minimum=-90.0, maximum=90.0)
    if as_number(range_db, "range_db") <= 0.0:
        raise OptionError(f"range_db must be positive, got {range_db:g}")
    azimuth = np.arange(-180.0, 181.0, 3.0)
    n_fft = 1024
    spectra = np.fft.rfft(heads.at(azimuth, height)[:, number], n_fft, axis=-1)
    frequencies = np.fft.rfftfreq(n_fft, 1.0 / heads.sample_rate)
    shown = (frequencies >= 100.0) & (frequencies <= 20000.0)
    level = figures.decibels(np.abs(spectra[:, shown]) ** 2)
    axes = figures.as_axes(ax)
    top = float(np.ceil(level.max()))
    image = axes.pcolormesh(
        azimuth, frequencies[shown], level.T, vmin=top - range_db, vmax=top, shading="gouraud",
        cmap=figures.LEVEL_COLOURS, rasterized=True,
    )  # fmt: skip
    figures.azimuth_axis(axes)
    axes.set(yscale="log")
    axes.set_yticks([200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0, 20000.0])
    axes.set_yticklabels(["200", "500", "1k", "2k", "5k", "10k", "20k"])
    axes.set_ylim(200.0, min(20000.0, heads.sample_rate / 2.0))
    axes.minorticks_off()
    axes.set_ylabel("frequency, Hz")
    axes.figure.colorbar(image, ax=axes, label=f"level at the {ear} ear, dB", pad=0.02)
    return axes
