"""Channel reordering between layouts with the same loudspeakers, by label or direction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import LayoutError
from spatialkit.geometry import angle_between
from spatialkit.layouts.formats import channels_of
from spatialkit.layouts.layout import Layout, get_layout
from spatialkit.layouts.tables import everyday_label, has_meaning

__all__ = ["channel_map", "reorder"]

# Largest angle between directions of one loudspeaker in two layouts.
SAME_DIRECTION_DEGREES = 0.5


def channel_map(source: str | Layout, target: str | Layout) -> NDArray[np.intp]:
    """Return the index in ``source`` of each channel of ``target``.

    Both must have the same loudspeakers. Channels are matched by the role of their labels ("M+110"
    is "SL"), or by direction if labels are not those of BS.2051 or everyday layouts; never by
    position.

    Parameters
    ----------
    source, target : str or Layout

    Returns
    -------
    ndarray of int, shape (channels,)
        ``audio[..., channel_map(source, target), :]`` is in the order of ``target``.

    Raises
    ------
    LayoutError
        If the layouts do not have the same loudspeakers.

    Examples
    --------
    >>> channel_map("7.1", "0+7+0").tolist()
    [0, 1, 2, 3, 6, 7, 4, 5]
    """
    source, target = get_layout(source), get_layout(target)
    if source.n_channels == target.n_channels:
        matched = _match_labels(source, target)
        matched = _match_directions(source, target) if matched is None else matched
        if matched is not None:
            return matched
    raise LayoutError(
        f"{source.name!r} ({' '.join(source.labels)}) and {target.name!r} "
        f"({' '.join(target.labels)}) do not have the same loudspeakers; use "
        "render to convert between different layouts"
    )


def _match_labels(source: Layout, target: Layout) -> NDArray[np.intp] | None:
    """Match the roles of labels; custom labels ("1", "2" ...) have none."""
    have, want = ([everyday_label(label) for label in one.labels] for one in (source, target))
    known = all(map(has_meaning, (*source.labels, *target.labels)))
    if not known or len(set(have)) < len(have) or set(have) != set(want):
        return None
    return np.array([have.index(label) for label in want])


def _match_directions(source: Layout, target: Layout) -> NDArray[np.intp] | None:
    if source.is_lfe.sum() != target.is_lfe.sum():
        return None
    indices = np.empty(target.n_channels, dtype=np.intp)
    indices[target.is_lfe] = np.flatnonzero(source.is_lfe)
    have, want = source.directions[source.loudspeakers], target.directions[target.loudspeakers]
    near = angle_between(want[:, None], have[None]) < SAME_DIRECTION_DEGREES
    if not ((near.sum(axis=0) == 1).all() and (near.sum(axis=1) == 1).all()):
        return None
    indices[target.loudspeakers] = source.loudspeakers[near.argmax(axis=1)]
    return indices


def reorder(audio: ArrayLike, source: str | Layout, target: str | Layout) -> NDArray[Any]:
    """Reorder channels to another layout with the same loudspeakers.

    Parameters
    ----------
    audio : array_like of float, shape (..., channels, samples)
    source, target : str or Layout
        Matched as in `channel_map`.

    Returns
    -------
    ndarray, shape (..., channels, samples)
        A copy.

    Examples
    --------
    >>> import numpy as np
    >>> film = np.arange(6.0)[:, None]  # L C R Ls Rs LFE
    >>> reorder(film, "5.1:film", "5.1")[:, 0]
    array([0., 2., 1., 5., 3., 4.])
    """
    source = get_layout(source)
    return channels_of(audio, source)[..., channel_map(source, target), :]
