"""Manually defined stage: directions and motion of stems that follow no rule of training."""

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

# Number of steps of a trajectory; the direct sound moves along arcs between them.
STEPS = 200
# Level in dB that disables the reverberation.
NO_ROOM_DB = -200.0


@dataclass(frozen=True)
class Point:
    """Position of a stem at a time."""

    time: float
    """Time from 0, the start of an excerpt, to 1, its end."""
    azimuth: float
    """Azimuth in degrees without jumps: 236 is reached from 122 through the rear."""
    width: float
    """Angle in degrees between its two plane waves."""
    distance: float
    """Divisor of the direct sound; reverberation is not attenuated."""


@dataclass(frozen=True)
class HandStage:
    """Positions of all stems and the stage that a user would specify.

    Parameters
    ----------
    points : tuple of tuple of Point
        Positions of vocals, drums, bass and other in order of time; values are interpolated
        linearly between them.
    stage : tuple of float
        Front-rear position of each stem, from -1 (rear) to 1 (front).
    room_db : float
        Level of the reverberation in dB relative to that of the room responses.
    """

    points: tuple[tuple[Point, ...], ...]
    stage: tuple[float, ...]
    room_db: float

    def foa(
        self, stems: NDArray[np.float32], rooms: RoomResponses, index: int
    ) -> NDArray[np.float32]:
        """Render stems on the stage.

        The channels of a stem, at half of their level in the song, are two moving plane waves.
        Their reverberation is that of the initial directions.

        Parameters
        ----------
        stems : ndarray of float32, shape (4, 2, samples)
        rooms : RoomResponses
            Room responses at the sample rate of the stems.
        index : int
            Number of the room.

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

        def trajectory(name: str, steps: int) -> NDArray[np.float64]:
            values = [getattr(point, name) for point in points]
            return np.interp(np.linspace(0.0, 1.0, steps), times, values)

        azimuth, width = trajectory("azimuth", STEPS + 1), trajectory("width", STEPS + 1)
        near = (1.0 / trajectory("distance", sides.shape[-1])).astype(np.float32)
        encoded: NDArray[np.float32] = encode_foa(
            sides * near, np.stack([azimuth + width / 2.0, azimuth - width / 2.0])
        )
        return encoded

    def _room(
        self, sides: NDArray[np.float32], start: Point, rooms: RoomResponses, index: int
    ) -> NDArray[np.float32]:
        """Return the reverberation without the delay of the direct sound."""
        from scipy.signal import fftconvolve

        azimuth = start.azimuth + np.array([0.5, -0.5]) * start.width
        whole, direct = (
            rooms.responses(index, azimuth, room_db=level) for level in (0.0, NO_ROOM_DB)
        )
        late = (whole - direct)[..., round(DIRECT_SECONDS * rooms.sample_rate) :]
        late *= np.float32(10.0 ** (self.room_db / 20.0))
        reverberation = fftconvolve(sides[:, None], late, axes=-1).sum(0)
        return reverberation[:, : sides.shape[-1]].astype(np.float32)


def load_hand_stage() -> HandStage:
    """Return the stage of the benchmark.

    Examples
    --------
    >>> stage = load_hand_stage()
    >>> stage.stage, [len(points) for points in stage.points]
    ((1.0, 1.0, 1.0, -1.0), [3, 1, 1, 3])
    """
    path = files("spatialkit_models") / "data" / "scenes" / "hand_stage.json"
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    points = tuple(tuple(Point(**point) for point in facts["stems"][stem]) for stem in STEMS)
    return HandStage(points, tuple(facts["stage"][stem] for stem in STEMS), facts["room_db"])
