"""Gains and energy vectors by direction, of amplitude panning and of decoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.ambisonics import (
    Decoder,
    DecoderReport,
    OrderWeights,
    decoder_matrix,
    spherical_harmonics,
)
from spatialkit.errors import OptionError
from spatialkit.geometry import angle_between, to_cartesian
from spatialkit.layouts import Layout, get_layout
from spatialkit.panning import is_enclosed, vbap_gains
from spatialkit.plots import figures, plans
from spatialkit.typing import StrPath
from spatialkit.validation import as_choice, as_directions, as_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "channel_gains",
    "energy_vectors",
    "plot_decoder_report",
    "plot_energy_vectors",
    "plot_gains",
]

# Elevations of the lines of a decoder report.
ELEVATIONS = (0.0, 30.0, 60.0)
MAP_AZIMUTH, MAP_ELEVATION = np.linspace(-180.0, 180.0, 181), np.linspace(-90.0, 90.0, 91)


def channel_gains(
    layout: StrPath | Layout,
    azimuth: ArrayLike,
    elevation: ArrayLike = 0.0,
    *,
    spread: float = 0.0,
    order: int | None = None,
    decoder: Decoder = "allrad",
    weights: OrderWeights = "max-re",
) -> NDArray[np.float64]:
    """Return the gains of a layout for sources in given directions.

    Parameters
    ----------
    layout : str, path or Layout
    azimuth, elevation : array_like
        Degrees, broadcast against each other.
    spread : float
        Degrees, 0 to 360; of amplitude panning.
    order : int, optional
        Ambisonic order, 1 to 7: the gains of an encoded plane wave that is decoded. None is
        amplitude panning (VBAP).
    decoder, weights : str
        With ``order``, as in `spatialkit.decoder_matrix`.

    Returns
    -------
    ndarray of float64, shape (..., channels)

    Raises
    ------
    LayoutError, OptionError, DirectionError
        If an argument is not accepted.

    Examples
    --------
    >>> channel_gains("stereo", 0.0).round(3)
    array([0.707, 0.707])
    >>> channel_gains("quad", 45.0, order=1, decoder="epad", weights="basic").round(3)
    array([ 0.866,  0.289,  0.289, -0.289])
    """
    where = get_layout(layout)
    if order is None:
        return vbap_gains(azimuth, elevation, layout=where, spread=spread)
    if spread:
        raise OptionError(f"spread is for amplitude panning, got {spread:g} with order={order}")
    matrix = decoder_matrix(where, order, decoder=decoder, weights=weights)
    return spherical_harmonics(azimuth, elevation, order=order) @ matrix.T


def energy_vectors(gains: ArrayLike, layout: StrPath | Layout) -> NDArray[np.float64]:
    r"""Return Gerzon's energy vectors of gains.

    .. math:: r_E = \frac{\sum_i g_i^2 u_i}{\sum_i g_i^2}

    Parameters
    ----------
    gains : array_like, shape (..., channels)
        As `channel_gains` returns them; LFE channels are ignored.
    layout : str, path or Layout

    Returns
    -------
    ndarray of float64, shape (..., 3)
        x, y and z; NaN where all gains are 0.

    Examples
    --------
    >>> energy_vectors([1.0, 1.0], "stereo").round(3) + 0.0
    array([0.866, 0.   , 0.   ])
    """
    where = get_layout(layout)
    energy = np.square(np.asarray(gains, np.float64)[..., where.loudspeakers])
    total = energy.sum(axis=-1, keepdims=True)
    found = np.full((*energy.shape[:-1], 3), np.nan)
    products = energy @ where.directions[where.loudspeakers]
    return np.divide(products, total, out=found, where=total > 0.0)


def plot_gains(
    layout: StrPath | Layout,
    *,
    ax: Axes | None = None,
    elevation: float = 0.0,
    channel: str | None = None,
    spread: float = 0.0,
    order: int | None = None,
    decoder: Decoder = "allrad",
    weights: OrderWeights = "max-re",
    **line: Any,
) -> Axes:
    """Plot the gains of amplitude panning or of a decoder.

    Parameters
    ----------
    layout : str, path or Layout
    ax : matplotlib.axes.Axes, optional
        Axes to draw in; by default those of a new figure.
    elevation : float
        Elevation of the sources in degrees.
    channel : str, optional
        Label of one channel, whose gain is shown in dB over all directions, instead of the gains
        of all channels over the azimuth.
    spread, order, decoder, weights
        As in `channel_gains`.
    **line
        Properties of the lines, such as ``linestyle``.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    LayoutError, OptionError, DirectionError
        If an argument is not accepted.
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.

    Examples
    --------
    >>> len(plot_gains("5.1").lines)
    5
    """
    where = get_layout(layout)
    options: dict[str, Any] = {"spread": spread, "order": order}
    options |= {"decoder": decoder, "weights": weights}
    axes = figures.as_axes(ax)
    if channel is not None:
        return _draw_map(axes, where, as_choice(channel, "channel", where.labels), options)
    as_directions(0.0, elevation)
    azimuth = np.linspace(-180.0, 180.0, 721)
    gains = channel_gains(where, azimuth, elevation, **options)
    shown = [n for n in where.loudspeakers if np.abs(gains[:, n]).max() > 1e-6]
    for number, n in enumerate(shown):
        style = {"color": figures.colour(number), "linestyle": figures.line_style(number)} | line
        axes.plot(azimuth, gains[:, n], **style)
        if not line:
            highest = np.argmax(gains[:, n])
            axes.annotate(
                where.labels[n], (azimuth[highest], gains[highest, n]), (0, 3), ha="center",
                textcoords="offset points", fontsize=figures.SMALL_FONT_SIZE,
            )  # fmt: skip
    figures.azimuth_axis(axes)
    lowest = min(0.0, float(gains.min()) * 1.1)
    axes.set(ylim=(lowest, max(1.12, 1.12 * float(gains.max()))), ylabel="gain")
    figures.without_frame(axes)
    return axes


def _draw_map(axes: Any, layout: Layout, channel: str, options: dict[str, Any]) -> Any:
    azimuth, elevation = np.meshgrid(MAP_AZIMUTH, MAP_ELEVATION)
    gains = channel_gains(layout, azimuth, elevation, **options)
    level = figures.decibels(gains[..., layout.labels.index(channel)] ** 2)
    image = axes.pcolormesh(
        MAP_AZIMUTH, MAP_ELEVATION, level, vmin=-30.0, vmax=0.0, cmap=figures.LEVEL_COLOURS,
        rasterized=True,
    )  # fmt: skip
    mark_loudspeakers(axes, layout)
    figures.azimuth_axis(axes)
    axes.set(ylim=(-90.0, 90.0), yticks=[-90, -45, 0, 45, 90], ylabel="elevation, degrees")
    axes.figure.colorbar(image, ax=axes, label=f"gain of {channel}, dB", pad=0.02)
    return axes


def mark_loudspeakers(axes: Any, layout: Layout) -> None:
    """Mark loudspeakers in a map of azimuth and elevation."""
    from matplotlib.patheffects import withStroke

    style: dict[str, Any] = {"ha": "center", "color": "white"}
    style["path_effects"] = [withStroke(linewidth=2.0, foreground="black")]
    for n in layout.loudspeakers:
        # As azimuths are displayed from 180 to -180.
        azimuth = (layout.azimuth[n] + 180.0) % 360.0 - 180.0
        place = azimuth, layout.elevation[n]
        axes.plot(*place, "o", color="white", markeredgecolor="black", markersize=5)
        above = 5 if place[1] < 75.0 else -13
        edge = "left" if azimuth > 165.0 else "right" if azimuth < -165.0 else "center"
        axes.annotate(
            layout.labels[n], place, (0, above), textcoords="offset points", clip_on=True,
            fontsize=figures.SMALL_FONT_SIZE, **(style | {"ha": edge}),
        )  # fmt: skip


def plot_energy_vectors(
    layout: StrPath | Layout,
    *,
    ax: Axes | None = None,
    elevation: float = 0.0,
    spread: float = 0.0,
    order: int | None = None,
    decoder: Decoder = "allrad",
    weights: OrderWeights = "max-re",
) -> Axes:
    """Plot the energy vectors of sources around the listener, from above.

    A line leads from each source, on the circle, to the tip of its energy vector: a tip that is
    nearer to the centre is a less focused source, a line that points elsewhere a false direction.

    Parameters
    ----------
    layout : str, path or Layout
    ax : matplotlib.axes.Axes, optional
        Axes to draw in; by default those of a new figure.
    elevation : float
        Elevation of the sources in degrees.
    spread, order, decoder, weights
        As in `channel_gains`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    LayoutError, OptionError, DirectionError
        If an argument is not accepted.
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.

    Examples
    --------
    >>> axes = plot_energy_vectors("5.1", order=1)
    """
    where = get_layout(layout)
    height = as_number(elevation, "elevation", minimum=-90.0, maximum=90.0)
    azimuth = np.arange(-180.0, 180.0, 5.0)
    options: dict[str, Any] = {"order": order, "decoder": decoder, "weights": weights}
    vectors = energy_vectors(channel_gains(where, azimuth, height, spread=spread, **options), where)
    sources = to_cartesian(azimuth, height)
    axes = figures.as_axes(ax, 4.6, 4.6)
    plans.draw_listener(axes)
    error = angle_between(vectors, sources)
    starts, ends = (np.stack([-each[:, 1], each[:, 0]], axis=1) for each in (sources, vectors))
    for start, end in zip(starts, ends, strict=True):
        axes.plot(*np.stack([start, end]).T, color=figures.GREY, linewidth=0.9, zorder=2)
    image = axes.scatter(*ends.T, c=error, s=22, cmap="cividis", vmin=0.0, zorder=3)
    plans.mark_around(axes, where)
    axes.figure.colorbar(image, ax=axes, label="direction error, degrees", shrink=0.75, pad=0.02)
    return axes


def plot_decoder_report(report: DecoderReport, *, ax: Any = None) -> NDArray[Any]:
    """Plot energy, length of the energy vector and direction error of a decoder over the azimuth.

    Parameters
    ----------
    report : DecoderReport
        As `spatialkit.decoder_report` returns it.
    ax : sequence of matplotlib.axes.Axes, optional
        Three axes to draw in; by default those of a new figure.

    Returns
    -------
    ndarray of matplotlib.axes.Axes, shape (3,)
        On layouts with height, with lines for several elevations. Directions that loudspeakers do
        not enclose are left out, as in the report.

    Raises
    ------
    OptionError
        If ``report`` is not a report with its layout, or there are not three axes.
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.

    Examples
    --------
    >>> from spatialkit import decoder_report
    >>> len(plot_decoder_report(decoder_report("5.0", 1)))
    3
    """
    if not isinstance(report, DecoderReport) or report.loudspeakers is None:
        raise OptionError(
            f"report must be a result of spatialkit.decoder_report, got {type(report).__name__}"
        )
    where = report.loudspeakers
    panels = figures.as_panels(ax, 3, columns=1, height=1.7, share_y=False, share_x=True)
    azimuth = np.arange(-180.0, 181.0)
    for number, elevation in enumerate(ELEVATIONS[: 1 if where.is_flat else None]):
        gains = channel_gains(
            where, azimuth, elevation, order=report.order, decoder=report.decoder,
            weights=report.weights,
        )  # fmt: skip
        vectors, sources = energy_vectors(gains, where), to_cartesian(azimuth, elevation)
        values = (
            figures.decibels(np.sum(gains**2, axis=-1), report.energy_mean),
            np.linalg.norm(vectors, axis=-1),
            angle_between(vectors, sources),
        )
        enclosed = is_enclosed(sources, where)
        if not enclosed.any() and report.coverage > 0.0:
            continue
        for axes, value in zip(panels, values, strict=True):
            axes.plot(
                azimuth, np.where(enclosed | (report.coverage == 0.0), value, np.nan),
                color=figures.colour(number), linestyle=("-", "--", ":")[number],
                label=f"elevation {elevation:g} degrees",
            )  # fmt: skip
    labels = ("energy, dB", "length of rE", "direction\nerror, degrees")
    for axes, label in zip(panels, labels, strict=True):
        axes.set(xlim=(180.0, -180.0), xticks=[180, 90, 0, -90, -180], ylabel=label)
        axes.grid(alpha=0.3)
        figures.without_frame(axes)
    panels[1].set_ylim(0.0, 1.0)
    panels[2].set_ylim(bottom=0.0)
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(min(low, -1.0), max(high, 1.0))
    figures.azimuth_axis(panels[2])
    if not where.is_flat:
        panels[0].legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False,
            fontsize=figures.SMALL_FONT_SIZE,
        )  # fmt: skip
    return panels
