"""Rendering of objects: gains of blocks with linear interpolation, as ITU-R BS.2127-1, 7.2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spatialkit.files.adm import TICKS, Blocks
from spatialkit.layouts import Format, get_format
from spatialkit.objects.gains import object_gains
from spatialkit.objects.scene import AudioObject, ObjectScene

__all__ = ["render_objects"]

# Samples that are multiplied at a time.
BLOCK_SIZE = 4096
# Times in files are rounded to 10 us: blocks that are apart by less follow each other.
_GAP_SECONDS = 1.5 / TICKS


class Ramp(NamedTuple):
    """Gains (channels,) that change linearly from ``begin`` to ``end``, in samples."""

    begin: float
    end: float
    first: NDArray[np.float64]
    last: NDArray[np.float64]


def render_objects(scene: ObjectScene, target: str | Format) -> NDArray[Any]:
    """Render the objects of a scene, without its beds.

    Parameters
    ----------
    scene : ObjectScene
    target : str, Layout or AmbisonicFormat

    Returns
    -------
    ndarray, shape (channels, samples)
        In the precision of the objects; zeros without objects. LFE channels are silent.

    See Also
    --------
    spatialkit.render : Beds and objects.

    Examples
    --------
    >>> voice = AudioObject(np.ones(4), 30.0)
    >>> render_objects(ObjectScene(48000, objects=[voice]), "stereo")
    array([[1., 1., 1., 1.],
           [0., 0., 0., 0.]])
    """
    form = get_format(target)
    dtype = np.result_type(np.float32, *(each.samples.dtype for each in scene.objects))
    rendered = np.zeros((form.n_channels, scene.samples), dtype)
    for each in scene.objects:
        _add(each, form, scene.sample_rate, rendered)
    return rendered


def _add(each: AudioObject, form: Format, sample_rate: int, rendered: NDArray[Any]) -> None:
    """Add an object to the output."""
    duration = len(each.samples) / sample_rate
    gains_of_blocks = object_gains(each.blocks, form)
    for ramp in _ramps(each.blocks, gains_of_blocks, sample_rate, duration):
        channels = np.flatnonzero((ramp.first != 0.0) | (ramp.last != 0.0))
        begin, end = (int(np.ceil(min(edge, len(each.samples)) - 1e-6)) for edge in ramp[:2])
        for start in range(max(begin, 0), end, BLOCK_SIZE):
            stop = min(start + BLOCK_SIZE, end)
            part = each.samples[start:stop]
            last = ramp.last[channels, None]
            if ramp.first is ramp.last:
                gains = last.astype(part.dtype)
            else:
                done = (np.arange(start, stop) - ramp.begin) / (ramp.end - ramp.begin)
                gains = (ramp.first[channels, None] * (1.0 - done) + last * done).astype(part.dtype)
            rendered[channels, start:stop] += gains * part


def _ramps(
    blocks: Blocks, gains: NDArray[np.float64], sample_rate: int, duration: float
) -> Iterator[Ramp]:
    """Yield the gains of an object over time; between ramps it is silent."""
    stop_before = -np.inf
    for number, gain in enumerate(gains):
        start, stop = blocks.start[number], min(blocks.stop[number], duration)
        follows = abs(start - stop_before) <= _GAP_SECONDS
        length = min(blocks.interpolation[number], stop - start)
        if follows and length > 0.0:
            reached = start + length
            yield Ramp(start * sample_rate, reached * sample_rate, gains[number - 1], gain)
            start = reached
        if start < stop:
            yield Ramp(start * sample_rate, stop * sample_rate, gain, gain)
        stop_before = stop
