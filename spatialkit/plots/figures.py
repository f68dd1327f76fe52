"""Figures, axes and colours that all plots share, without the state of pyplot."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import OptionError, SpatialkitError
from spatialkit.storage import replacing
from spatialkit.validation import extra, reason

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PALETTE", "new_figure", "write_figure"]

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C")
"""Colours of Okabe and Ito, distinguishable with every kind of colour blindness, and grey.

Each has a contrast of at least 2:1 with white and with black.
"""

GREY = "#808080"
LINES = ("-", "--", ":")
LEVEL_COLOURS = "cividis"
# Figures are at least this wide in a text column (README: 880 pixels; a telephone: 400): with 6.4
# inches, a font of 10 points is shown 19 and 9 pixels high.
WIDTH, HEIGHT = 6.4, 3.6
FONT_SIZE = 10.0
SMALL_FONT_SIZE = 9.0
RESOLUTION = 150
# Smallest power in decibels that is shown as a number.
MIN_POWER = 1e-20


def new_figure(width: float = WIDTH, height: float = HEIGHT) -> Figure:
    """Create a figure that belongs to no window.

    It is saved with ``figure.savefig`` or `write_figure`, and shown by notebooks.

    Parameters
    ----------
    width, height : float
        Inches.

    Raises
    ------
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.

    Examples
    --------
    >>> figure = new_figure()
    >>> figure.subplots().plot([0.0, 1.0])[0].axes.figure is figure
    True
    """
    return figure_class()(figsize=(width, height), dpi=RESOLUTION, layout="constrained")


def figure_class() -> Any:
    """Return a `matplotlib.figure.Figure` that notebooks show without pyplot."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SpatialkitError(f"a figure needs {extra('plot')}") from error

    class NotebookFigure(Figure):
        """Figure that notebooks show."""

        def _repr_png_(self) -> bytes:
            file = io.BytesIO()
            self.savefig(file, format="png")
            return file.getvalue()

    return NotebookFigure


def write_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure to an image file such as .png, .svg or .pdf; an existing file is replaced.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str or path

    Raises
    ------
    SpatialkitError
        If the file cannot be written.
    """
    try:
        with replacing(path, error=SpatialkitError) as file:
            figure.savefig(file, dpi="figure", format=Path(path).suffix[1:] or None)
    except (OSError, ValueError) as error:
        raise SpatialkitError(
            f"figure {os.fspath(path)} cannot be written: {reason(error)}"
        ) from error


def as_axes(ax: Axes | None, width: float = WIDTH, height: float = HEIGHT) -> Any:
    """Return axes to draw in: those that were given, or those of a new figure."""
    return new_figure(width, height).subplots() if ax is None else ax


def as_panels(
    ax: Sequence[Axes] | NDArray[Any] | None,
    count: int,
    *,
    columns: int,
    height: float,
    width: float = WIDTH,
    share_y: bool = True,
    share_x: bool = False,
) -> NDArray[Any]:
    """Return axes of several panels (count,): those that were given, or those of a new figure.

    Parameters
    ----------
    ax : sequence of Axes, optional
    count : int
        Number of panels.
    columns : int
        Largest number of panels beside each other.
    height, width : float
        Height of one row and width of the figure, in inches.
    share_y, share_x : bool
        Whether panels have the same axis.
    """
    if ax is not None:
        given = np.asarray(ax, dtype=object).ravel()
        if len(given) != count:
            raise OptionError(f"ax must be {count} axes, one per panel, got {len(given)}")
        return given
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = new_figure(width, height * rows)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=share_y, sharex=share_x).ravel()
    for unused in panels[count:]:
        unused.set_visible(False)
    return panels[:count]


def ink() -> str:
    """Return the colour of text, which depends on the style that is set in matplotlib."""
    import matplotlib

    return str(matplotlib.rcParams["text.color"])


def colour(number: int) -> str:
    """Return a colour of the palette, the first again after the last."""
    return PALETTE[number % len(PALETTE)]


def line_style(number: int) -> str:
    """Return a line style that differs where the colours repeat."""
    return LINES[number // len(PALETTE) % len(LINES)]


def without_frame(axes: Axes) -> None:
    """Remove the upper and the right line around axes."""
    axes.spines[["top", "right"]].set_visible(False)


def azimuth_axis(axes: Axes) -> None:
    """Set a horizontal axis of azimuths: left on the left, front in the middle."""
    axes.set(xlim=(180.0, -180.0), xticks=[180, 90, 0, -90, -180])
    axes.set_xlabel("azimuth, degrees (left is positive)")


def decibels(power: NDArray[Any], reference: float = 1.0) -> NDArray[np.float64]:
    """Return powers in dB relative to a reference, -200 for silence."""
    relative = np.asarray(power, np.float64) / (reference or 1.0)
    return 10.0 * np.log10(np.maximum(relative, MIN_POWER))
