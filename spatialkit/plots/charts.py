"""Curves, tables of numbers and points, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from spatialkit.errors import OptionError, ShapeError
from spatialkit.plots import figures
from spatialkit.validation import as_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_curves", "plot_matrix", "plot_points"]

# Largest number of points that are marked, of columns with numbers, and of curves whose names are
# between them instead of beside them.
MAX_MARKED, MAX_NUMBERED, MAX_INSIDE = 16, 12, 6
MARKERS = "os^Dv"


def plot_curves(
    x: ArrayLike,
    curves: Mapping[str, ArrayLike],
    *,
    ax: Axes | None = None,
    x_label: str = "",
    y_label: str = "",
    log_x: bool = False,
) -> Axes:
    """Plot curves over one axis, such as levels over the frequency.

    Parameters
    ----------
    x : array_like, shape (points,)
        Values of the horizontal axis.
    curves : mapping of str to array_like, shape (points,)
        Values of each curve by its name; gaps are NaN.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in; by default those of a new figure.
    x_label, y_label : str
        Labels of the axes, with the unit.
    log_x : bool
        Whether the horizontal axis is logarithmic, as for frequencies.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    OptionError, ShapeError
        If an argument is not accepted.
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.

    Examples
    --------
    >>> axes = plot_curves([100, 1000], {"direct": [0, -3], "ambience": [-6, -9]}, log_x=True)
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['direct', 'ambience']
    """
    places = as_numbers(x, "x", OptionError)
    axes = figures.as_axes(ax)
    marker = "o" if places.size <= MAX_MARKED else ""
    for number, (name, values) in enumerate(curves.items()):
        heights = np.asarray(values, np.float64)
        if heights.shape != places.shape or places.ndim != 1:
            raise ShapeError(
                f"curve {name!r} must have the shape of x, {places.shape}, got {heights.shape}"
            )
        style = {"color": figures.colour(number), "linestyle": figures.line_style(number)}
        axes.plot(places, heights, marker=marker, markersize=4, label=name, **style)
    if log_x:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(_short)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.grid(alpha=0.3)
    figures.without_frame(axes)
    if len(curves) > 1:
        outside = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
        place: dict[str, Any] = outside if len(curves) > MAX_INSIDE else {}
        axes.legend(frameon=False, fontsize=figures.SMALL_FONT_SIZE, **place)
    return axes


def _short(value: float, _: int) -> str:
    """Return the text of a tick: 1000 is "1k"."""
    return f"{value / 1000.0:g}k" if value >= 1000.0 else f"{value:g}"


def plot_matrix(
    values: ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    ax: Axes | None = None,
    label: str = "gain",
    low: float = 0.0,
    high: float = 1.0,
    decimals: int = 2,
    colorbar: bool = True,
) -> Axes:
    """Plot a table of numbers as colours, such as the gains of inputs on outputs.

    Parameters
    ----------
    values : array_like, shape (rows, columns)
        Up to 12 columns the numbers are also written, unless they are below ``low``.
    rows, columns : sequence of str
        Names of both.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in; by default those of a new figure.
    label : str
        Name of the values, with the unit.
    low, high : float
        Values of the darkest and of the brightest colour.
    decimals : int
        Digits after the decimal point.
    colorbar : bool
        Whether the scale of the colours is drawn.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ShapeError
        If the numbers of names and values differ.
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.

    Examples
    --------
    >>> axes = plot_matrix([[1.0, 0.0, 0.707]], ["L"], ["FL", "FR", "FC"])
    >>> [text.get_text() for text in axes.texts]
    ['1.00', '0', '0.71']
    """
    table = as_numbers(values, "values", OptionError)
    shape = (len(rows), len(columns))
    if table.shape != shape:
        raise ShapeError(f"values must have shape (rows, columns), {shape}, got {table.shape}")
    axes = figures.as_axes(ax, height=1.2 + 0.3 * len(rows))
    image = axes.imshow(
        table, vmin=low, vmax=high, cmap=figures.LEVEL_COLOURS, aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    if len(columns) <= MAX_NUMBERED:
        for (row, column), value in np.ndenumerate(table):
            if value < low:
                continue
            text = f"{round(value, decimals) + 0.0:.{decimals}f}" if value else "0"
            is_bright = value - low >= 0.45 * (high - low)
            axes.text(
                column, row, text, ha="center", va="center", fontsize=figures.SMALL_FONT_SIZE,
                color="black" if is_bright else "white",
            )  # fmt: skip
    if colorbar:
        axes.figure.colorbar(image, ax=axes, label=label, pad=0.02)
    return axes


def plot_points(
    groups: Mapping[str, ArrayLike],
    *,
    background: ArrayLike | None = None,
    ax: Axes | None = None,
    x_label: str = "",
    y_label: str = "",
) -> Axes:
    """Plot points of a plane by group, such as two components of latents by song.

    Parameters
    ----------
    groups : mapping of str to array_like, shape (points, 2)
        Points of each group by its name.
    background : array_like, shape (points, 2), optional
        Points that belong to no group, in grey behind the others.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in; by default those of a new figure.
    x_label, y_label : str
        Labels of the axes, with the unit.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ShapeError
        If points do not have two coordinates.
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.

    Examples
    --------
    >>> axes = plot_points({"song 1": [[0.0, 1.0], [0.5, 1.5]], "song 2": [[2.0, 2.0]]})
    >>> len(axes.collections)
    2
    """
    axes = figures.as_axes(ax)
    if background is not None:
        axes.scatter(*_plane(background, "background"), color=figures.GREY, alpha=0.4, s=10, lw=0)
    for number, (name, points) in enumerate(groups.items()):
        marker = MARKERS[number % len(MARKERS)]
        axes.scatter(
            *_plane(points, name), color=figures.colour(number), marker=marker, s=24, label=name
        )
    axes.set(xlabel=x_label, ylabel=y_label)
    figures.without_frame(axes)
    if groups:
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3, frameon=False,
            fontsize=figures.SMALL_FONT_SIZE, handletextpad=0.2, columnspacing=1.0,
        )  # fmt: skip
    return axes


def _plane(points: ArrayLike, name: str) -> Any:
    """Return coordinates (2, points)."""
    array = as_numbers(points, name, OptionError)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ShapeError(f"{name} must have shape (points, 2), got {array.shape}")
    return array.T
