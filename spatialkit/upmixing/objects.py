"""Upmixing of whole signals to objects and a bed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spatialkit.audio import Audio, AudioLike
from spatialkit.upmixing.block_processing import upmix_in_blocks
from spatialkit.upmixing.interface import Upmixer

if TYPE_CHECKING:
    from spatialkit.objects import ObjectScene

__all__ = ["upmix_objects"]


def upmix_objects(
    upmixer: Upmixer, audio: AudioLike[Any], sample_rate: float | None = None, *, name: str = ""
) -> ObjectScene:
    """Upmix a whole signal to objects and a bed.

    Parameters
    ----------
    upmixer : Upmixer
        An upmixer with `Upmixer.as_objects`, such as "style-vae".
    audio : array_like of float, shape (channels, samples), or Audio
        As for `Upmixer.upmix`.
    sample_rate : int, optional
        Hz; required for an array.
    name : str
        Name of the scene.

    Returns
    -------
    ObjectScene
        Its rendering to the layout of the upmix ("5.0" for "style-vae") equals `Upmixer.upmix`.

    Raises
    ------
    UpmixerError
        If the upmixer has no objects, or raises an error.
    ShapeError, SignalError, OptionError, LayoutError
        As for `Upmixer.upmix`.
    """
    from spatialkit.objects import AudioObject, ObjectScene

    found = upmixer.as_objects()
    array, rate = upmixer._unpack_input(audio, sample_rate)
    tracks_of = found.open(rate)
    tracks = upmix_in_blocks(array, found.tracks, tracks_of.process, tracks_of.flush)
    beds, objects, at = [], [], 0
    for part in found.parts:
        samples = tracks[at : at + part.channels]
        at += part.channels
        if part.format is not None:
            beds.append(Audio(samples, rate, part.format))
        elif part.blocks is not None:
            objects.append(AudioObject(samples[0], part.blocks, part.name))
    return ObjectScene(rate, tuple(beds), tuple(objects), name)
