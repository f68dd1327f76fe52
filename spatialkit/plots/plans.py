"""Layouts, paths and styles as seen from above."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError, ShapeError
from spatialkit.geometry import angle_between, to_cartesian
from spatialkit.layouts import Layout, get_layout
from spatialkit.plots import figures
from spatialkit.trajectory import Trajectory
from spatialkit.typing import StrPath
from spatialkit.validation import as_choice, as_directions, as_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["View", "from_above", "plot_layout", "plot_style", "plot_trajectory"]

View = Literal["top", "3d"]
"""View of a layout: from above, or in three dimensions."""

# Degrees from which a real position differs visibly from the nominal one.
MIN_DISTANCE = 0.5
# Degrees of elevation beyond which a loudspeaker is in the upper or lower layer.
LAYER = 10.0
LAYERS = {"upper layer": figures.PALETTE[1], "ear level": figures.PALETTE[0]}
LAYERS["lower layer"] = figures.PALETTE[2]
HALO_AREA = 2200.0
# Number of loudspeakers from which labels are smaller.
CROWDED = 14
PATH_POINTS = 1000


def from_above(azimuth: ArrayLike, elevation: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Return places in a plan: the zenith in the centre, the front above.

    The distance from the centre is the angle from the zenith (azimuthal equidistant projection): 1
    at ear level, more below it. Loudspeakers above each other are thus beside each other.

    Parameters
    ----------
    azimuth, elevation : array_like
        Degrees, broadcast against each other.

    Returns
    -------
    ndarray of float64, shape (..., 2)
        To the right and up.

    Examples
    --------
    >>> from_above([0.0, 90.0, 0.0], [0.0, 0.0, 45.0]).round(6).tolist()
    [[0.0, 1.0], [-1.0, 0.0], [0.0, 0.5]]
    """
    azimuths, elevations = as_directions(azimuth, elevation)
    distance, angle = (90.0 - elevations) / 90.0, np.radians(azimuths)
    return np.stack([-distance * np.sin(angle), distance * np.cos(angle)], axis=-1) + 0.0


def plot_layout(
    layout: StrPath | Layout,
    *,
    ax: Axes | None = None,
    view: View = "top",
    gains: ArrayLike | None = None,
    source: tuple[float, float] | None = None,
) -> Axes:
    """Plot the loudspeakers of a layout.

    A loudspeaker that is not where a standard specifies it is connected by a line to a circle at
    its nominal direction.

    Parameters
    ----------
    layout : str, path or Layout
        As in `spatialkit.get_layout`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in, three-dimensional ones for "3d"; by default those of a new figure.
    view : {"top", "3d"}
        From above, with the zenith in the centre (see `from_above`), or in three dimensions.
    gains : array_like, shape (channels,), optional
        Gains of one source; the area of the disc around each loudspeaker is the power.
    source : (float, float), optional
        Azimuth and elevation of a source in degrees, which is shown as a star.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    LayoutError, OptionError, DirectionError
        If an argument is not accepted.
    ShapeError
        If there is not one gain per channel.
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.

    Examples
    --------
    >>> plot_layout("7.1.4").get_aspect()
    1.0
    """
    where = get_layout(layout)
    view = as_choice(view, "view", get_args(View))
    powers = np.zeros(where.n_channels)
    if gains is not None:
        powers = as_numbers(gains, "gains", OptionError) ** 2
        if powers.shape != (where.n_channels,):
            raise ShapeError(
                f"gains must have shape ({where.n_channels},), one per channel of "
                f"{where.name!r}, got {powers.shape}"
            )
    star = None if source is None else as_directions(*source)
    return (_draw_plan if view == "top" else _draw_space)(where, ax, powers, star)


def _layers(layout: Layout) -> NDArray[Any]:
    """Return the name of the layer of each channel, "" for LFE."""
    elevation = np.where(layout.is_lfe, 0.0, layout.elevation)
    names = np.where(elevation > LAYER, "upper layer", "ear level")
    names = np.where(elevation < -LAYER, "lower layer", names)
    return np.where(layout.is_lfe, "", names)


def _draw_plan(layout: Layout, ax: Axes | None, powers: Any, star: Any) -> Axes:
    shown = layout.loudspeakers
    crowded = len(shown) > CROWDED
    size = 6.0 if crowded else 4.6
    axes = figures.as_axes(ax, size, size)
    places = from_above(layout.azimuth[shown], layout.elevation[shown])
    nominal = from_above(*layout.nominal[:, shown])
    largest = max(1.0, *np.linalg.norm(np.concatenate([places, nominal]), axis=1))
    draw_listener(axes, largest)
    layers = _layers(layout)
    moved = angle_between(layout.directions[shown], layout.nominal_directions[shown])
    for n, place, standard, degrees in zip(shown, places, nominal, moved, strict=True):
        if degrees > MIN_DISTANCE:
            axes.plot(*np.stack([standard, place]).T, color=figures.GREY, linewidth=1.0, zorder=2)
            axes.scatter(*standard, s=260, facecolors="none", edgecolors=figures.GREY, zorder=2)
        fill = LAYERS[layers[n]]
        if powers[n] > 0.0:
            axes.scatter(*place, s=HALO_AREA * powers[n], color=fill, alpha=0.35, zorder=3, lw=0)
        _label(axes, place, layout.labels[n], fill, 7.5 if crowded else figures.SMALL_FONT_SIZE)
    _layer_legend(axes, layout, layers)
    if star is not None:
        axes.scatter(*from_above(*star), s=160, marker="*", color=figures.ink(), zorder=6)
    return axes


def _label(axes: Any, place: Any, text: str, fill: str, size: float) -> None:
    axes.text(
        *place, text, ha="center", va="center", color="white", fontsize=size, weight="bold",
        zorder=5,
        bbox={"boxstyle": "round,pad=0.25", "facecolor": fill, "edgecolor": "none"},
    )  # fmt: skip


def _layer_legend(axes: Any, layout: Layout, layers: NDArray[Any]) -> None:
    """Name the layers if there are several, and the channels without direction."""
    from matplotlib.lines import Line2D

    used = [name for name in LAYERS if name in layers]
    style: dict[str, Any] = {"marker": "s", "linestyle": "none", "markersize": 8}
    handles = [Line2D([], [], color=LAYERS[name], label=name, **style) for name in used]
    handles = handles if len(used) > 1 else []
    lfe = " ".join(label for label, bass in zip(layout.labels, layout.is_lfe, strict=True) if bass)
    if lfe:
        handles.append(Line2D([], [], linestyle="none", label=f"no direction: {lfe}"))
    if handles:
        axes.legend(
            handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.03), frameon=False,
            ncols=2 if len(handles) > 3 else len(handles), handletextpad=0.1, columnspacing=1.0,
            fontsize=figures.SMALL_FONT_SIZE,
        )  # fmt: skip


def draw_listener(axes: Any, largest: float = 1.0) -> None:
    """Draw a head that looks up, the horizon, and 45 degrees of elevation."""
    from matplotlib.patches import Circle, Polygon

    style: dict[str, Any] = {"fill": False, "edgecolor": figures.GREY, "alpha": 0.6}
    axes.add_patch(Circle((0.0, 0.0), 1.0, zorder=1, **style))
    axes.add_patch(Circle((0.0, 0.0), 0.5, zorder=1, linestyle=":", **style))
    axes.add_patch(Circle((0.0, 0.0), 0.1, zorder=1, color=figures.GREY, alpha=0.5, lw=0))
    nose = [(-0.05, 0.09), (0.0, 0.17), (0.05, 0.09)]
    axes.add_patch(Polygon(nose, color=figures.GREY, alpha=0.5, lw=0, zorder=1))
    limit = 1.22 * largest
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def mark_around(axes: Any, layout: Layout) -> None:
    """Mark the loudspeakers at ear level on the circle, with their labels outside of it."""
    for n in layout.loudspeakers:
        if abs(layout.elevation[n]) <= LAYER:
            x, y = from_above(layout.azimuth[n])
            axes.plot(x, y, "s", color=figures.GREY, markersize=6, zorder=3)
            axes.text(
                *(1.13 * x, 1.13 * y), layout.labels[n], ha="center", va="center",
                fontsize=figures.SMALL_FONT_SIZE,
            )  # fmt: skip


def _draw_space(layout: Layout, ax: Axes | None, powers: Any, star: Any) -> Axes:
    axes: Any = ax
    if axes is None:
        axes = figures.new_figure(5.4, 4.8).add_subplot(projection="3d")
    angle = np.linspace(0.0, 2.0 * np.pi, 181)
    axes.plot(np.cos(angle), np.sin(angle), 0.0 * angle, color=figures.GREY, linewidth=1.0)
    layers = _layers(layout)
    for n in layout.loudspeakers:
        x, y, z = layout.directions[n]
        fill = LAYERS[layers[n]]
        axes.plot([x, x], [y, y], [0.0, z], color=figures.GREY, linewidth=0.8)
        size = 40.0 + 0.3 * HALO_AREA * powers[n]
        axes.scatter([x], [y], [z], s=size, color=fill, depthshade=False)
        axes.text(x, y, z + 0.1, layout.labels[n], ha="center", fontsize=figures.SMALL_FONT_SIZE)
        standard = layout.nominal_directions[n]
        if angle_between(layout.directions[n], standard) > MIN_DISTANCE:
            axes.plot(*np.stack([standard, layout.directions[n]]).T, color=figures.GREY)
            axes.scatter(*standard[:, None], s=60, facecolors="none", edgecolors=figures.GREY)
    if star is not None:
        axes.scatter(*to_cartesian(*star)[:, None], s=140, marker="*", color=figures.ink())
    axes.quiver(0, 0, 0, 0.35, 0, 0, color=figures.GREY)
    axes.text(0.4, 0.0, 0.02, "front", color=figures.GREY, fontsize=figures.SMALL_FONT_SIZE)
    axes.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-0.6, 1.0))
    axes.set_box_aspect((1, 1, 0.8), zoom=1.35)
    axes.set_axis_off()
    axes.view_init(elev=24, azim=-148)
    return axes


def plot_trajectory(
    azimuth: ArrayLike | Trajectory,
    elevation: ArrayLike = 0.0,
    *,
    ax: Axes | None = None,
    layout: StrPath | Layout | None = None,
) -> Axes:
    """Plot the path of a source from above; its colour is the time.

    Parameters
    ----------
    azimuth : array_like, shape (points,), or Trajectory
        Azimuths in degrees, equally spaced in time, between which the source moves along the
        shortest arc as in `spatialkit.vbap_pan`; or a path with times.
    elevation : array_like, shape (points,) or ()
        Elevations in degrees.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in; by default those of a new figure.
    layout : str, path or Layout, optional
        Loudspeakers that are also drawn.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DirectionError, LayoutError, ShapeError
        If an argument is not accepted.
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.

    Examples
    --------
    >>> axes = plot_trajectory([0.0, 90.0, 180.0], [0.0, 45.0, 0.0])
    """
    path, unit = azimuth, "s"
    if not isinstance(path, Trajectory):
        angles = np.atleast_1d(as_numbers(azimuth, "azimuth", OptionError))
        seconds = np.linspace(0.0, 1.0, len(angles)) if angles.ndim == 1 else [0.0]
        path, unit = Trajectory(seconds, angles, elevation), "part of the duration"
    axes = figures.as_axes(ax, 5.4, 4.4)
    if layout is None:
        draw_listener(axes)
    else:
        plot_layout(layout, ax=axes)
    first, last = path.seconds[[0, -1]]
    times = np.linspace(first, last, PATH_POINTS)
    found = [path.at(time) for time in times]
    points = from_above([at["azimuth"] for at in found], [at["elevation"] for at in found])
    image = axes.scatter(*points.T, c=times, s=14, cmap=figures.LEVEL_COLOURS, zorder=4, lw=0)
    for place, marker, label in ((points[0], "o", "start"), (points[-1], "s", "end")):
        axes.scatter(*place, s=70, marker=marker, color=figures.ink(), label=label, zorder=6)
    axes.legend(loc="lower right", frameon=False, fontsize=figures.SMALL_FONT_SIZE)
    axes.figure.colorbar(image, ax=axes, label=f"time, {unit}", shrink=0.8, pad=0.02)
    return axes


def plot_style(
    style: Mapping[str, Any] | Any,
    *,
    ax: Axes | None = None,
    layout: StrPath | Layout = "5.0",
) -> Axes:
    """Plot where a style places the instruments.

    Parameters
    ----------
    style : mapping or Style
        For each instrument its azimuth in degrees, or several, or a place with ``azimuth`` and
        ``length`` such as `spatialkit_models.style_vae.style_directions` returns; or a
        `spatialkit_models.style_vae.Style`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in; by default those of a new figure.
    layout : str, path or Layout
        Loudspeakers that are drawn.

    Returns
    -------
    matplotlib.axes.Axes
        The distance from the centre is the length of the energy vector: instruments on the circle
        are in one loudspeaker, in the centre they surround the listener.

    Raises
    ------
    OptionError
        If ``style`` is not a style.
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.

    Examples
    --------
    >>> axes = plot_style({"vocals": 0.0, "drums": [45.0, -45.0], "bass": 0.0})
    """
    if not isinstance(style, Mapping):
        if not hasattr(style, "directions"):
            raise OptionError(
                "style must be a Style or a mapping of instruments to azimuths, got "
                f"{type(style).__name__}"
            )
        style = style.directions()
    axes = figures.as_axes(ax, 4.6, 4.6)
    draw_listener(axes)
    mark_around(axes, get_layout(layout))
    # Instruments at one place are drawn as rings around each other.
    sizes = np.linspace(420.0, 60.0, max(len(style), 2))
    for number, (name, place) in enumerate(style.items()):
        length = float(getattr(place, "length", 1.0))
        angles = np.atleast_1d(np.asarray(getattr(place, "azimuth", place), np.float64))
        text = "around" if length < 0.05 else "/".join(f"{angle:.0f}" for angle in angles)
        points = length * from_above(np.nan_to_num(angles))
        axes.scatter(
            *points.T, s=sizes[number], color=figures.colour(number + 1), zorder=6,
            edgecolors=figures.ink(), linewidths=0.8, marker="oD^sPXv"[number % 7],
            label=f"{name}: {text}" if text == "around" else f"{name}: {text} degrees",
        )  # fmt: skip
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, 0.04), ncols=2, frameon=False,
        fontsize=figures.SMALL_FONT_SIZE, markerscale=0.6,
    )  # fmt: skip
    return axes
