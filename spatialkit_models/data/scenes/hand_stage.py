"""A stage made by hand: where stems stand and how they move, by no rule that anything learned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import encode_foa
from spatialkit_models.data.rooms import DIRECT_SECONDS, RoomResponses
from spatialkit_models.stem_names import STEMS

__all__ = ["HandStage", "Point", "load_hand_stage"]

# Of a move: in between, the direct sound follows the arc.
STEPS = 200
# Level of a room that is not heard.
NO_ROOM_DB = -200.0


@dataclass(frozen=True)
class Point:
    """Where a stem stands at a time."""

    time: float
    """From 0, the beginning of an excerpt, to 1, its end."""
    azimuth: float
    """Degrees, without jumps: 236 is where a stem at 122 goes through the back."""
    width: float
    """Degrees between its two sides."""
    distance: float
    """The direct sound is divided by it; the room's sound is not."""


@dataclass(frozen=True)
class HandStage:
    """Where all stems stand, and what a user would say of it.

    Parameters
    ----------
    points : tuple of tuple of Point
        Of vocals, drums, bass and other, in the order of time; what is between two changes evenly.
    told : tuple of float
        Of the four, from -1, behind, to 1, ahead.
    room_db : float
        Level of the room against that of its responses.
    """

    points: tuple[tuple[Point, ...], ...]
    told: tuple[float, ...]
    room_db: float

    def foa(
        self, stems: NDArray[np.float32], rooms: RoomResponses, index: int
    ) -> NDArray[np.float32]:
        """Put stems on the stage.

        The two sides of a stem are plane waves, each half as loud as in the song, that move. What
        follows them in the room comes from where they began.

        Parameters
        ----------
        stems : ndarray of float32, shape (4, 2, samples)
        rooms : RoomResponses
            At the stems' sample rate.
        index : int
            Of the room.

        Returns
        -------
        ndarray of float32, shape (4, samples)
            AmbiX.
        """
        scene = np.zeros((4, stems.shape[-1]), np.float32)
        for stem, points in zip(stems, self.points, strict=True):
            if stem.any():
                scene += self._direct(0.5 * stem, points)
                scene += self._room(0.5 * stem, points[0], rooms, index)
        return scene

    def _direct(self, sides: NDArray[np.float32], points: tuple[Point, ...]) -> NDArray[np.float32]:
        times = [point.time for point in points]

        def course(name: str, steps: int) -> NDArray[np.float64]:
            values = [getattr(point, name) for point in points]
            return np.interp(np.linspace(0.0, 1.0, steps), times, values)

        azimuth, width = course("azimuth", STEPS + 1), course("width", STEPS + 1)
        near = (1.0 / course("distance", sides.shape[-1])).astype(np.float32)
        encoded: NDArray[np.float32] = encode_foa(
            sides * near, np.stack([azimuth + width / 2.0, azimuth - width / 2.0])
        )
        return encoded

    def _room(
        self, sides: NDArray[np.float32], start: Point, rooms: RoomResponses, index: int
    ) -> NDArray[np.float32]:
        """All but the direct sound, as if that came at once."""
        from scipy.signal import fftconvolve

        azimuth = start.azimuth + np.array([0.5, -0.5]) * start.width
        whole, direct = (
            rooms.responses(index, azimuth, room_db=level) for level in (0.0, NO_ROOM_DB)
        )
        late = (whole - direct)[..., round(DIRECT_SECONDS * rooms.sample_rate) :]
        late *= np.float32(10.0 ** (self.room_db / 20.0))
        heard = fftconvolve(sides[:, None], late, axes=-1).sum(0)
        return heard[:, : sides.shape[-1]].astype(np.float32)


def load_hand_stage() -> HandStage:
    """Return the stage of the benchmark.

    Examples
    --------
    >>> stage = load_hand_stage()
    >>> stage.told, [len(points) for points in stage.points]
    ((1.0, 1.0, 1.0, -1.0), [3, 1, 1, 3])
    """
    path = files("spatialkit_models") / "data" / "scenes" / "hand_stage.json"
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    points = tuple(tuple(Point(**point) for point in facts["stems"][stem]) for stem in STEMS)
    return HandStage(points, tuple(facts["told"][stem] for stem in STEMS), facts["room_db"])
