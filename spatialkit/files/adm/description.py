"""Description of the ADM metadata of a file: programme, contents, and what each object contains."""

from __future__ import annotations

from dataclasses import dataclass, field

from spatialkit.files.adm.blocks import Blocks
from spatialkit.layouts import Format

__all__ = ["AdmInfo", "AdmPart"]


@dataclass(frozen=True)
class AdmPart:
    """One audioObject with its tracks.

    Parameters
    ----------
    name, content : str
        Names of the audioObject and of its audioContent.
    kind : str
        Type of its channels: "DirectSpeakers", "HOA", "Objects", "Matrix" or "Binaural".
    pack : str
        Name of the audioPackFormat, such as "5.1_(0+5+0)".
    tracks : tuple of int
        Numbers of its tracks in the file, from 1.
    format : Layout or AmbisonicFormat, optional
        Format of a bed or scene, whose channels are ``tracks`` in this order.
    labels : tuple of str
        Labels of its loudspeakers, such as "M+030"; empty for objects and Ambisonics.
    blocks : tuple of Blocks
        Direction, gain and extent over time of each track; only of objects.
    gain : float
        Linear gain of the audioObject.
    start : float
        Seconds.
    duration : float
        Seconds; infinity if it is not specified.
    unsupported : tuple of str
        Properties for which the part cannot be rendered, such as "channelLock".
    """

    name: str
    content: str
    kind: str
    pack: str
    tracks: tuple[int, ...]
    format: Format | None = None
    labels: tuple[str, ...] = ()
    blocks: tuple[Blocks, ...] = field(default=(), repr=False)
    gain: float = 1.0
    start: float = 0.0
    duration: float = float("inf")
    unsupported: tuple[str, ...] = ()


@dataclass(frozen=True)
class AdmInfo:
    """ADM metadata of a file.

    Parameters
    ----------
    programme : str
        Name of the first audioProgramme, the one that is described; empty if there is none.
    programmes : int
        Number of audioProgrammes in the file.
    parts : tuple of AdmPart
        Objects of the programme, in order.
    """

    programme: str
    programmes: int
    parts: tuple[AdmPart, ...]
