"""Random plans of rooms: sizes, walls, and positions of receiver and sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.geometry import to_cartesian

__all__ = ["CENTERS", "MIN_DETOUR", "WALLS", "Plan", "sample_plan", "plan_facts"]

WALLS = ("west", "east", "south", "north", "floor", "ceiling")
"""Walls at the lower and upper end of x, y and z."""

CENTERS = tuple(125.0 * 2.0**octave for octave in range(8))
"""Centre frequencies in Hz of the octave bands of absorption."""

MIN_DETOUR = 0.5
"""Minimum path difference in metres between first reflection and direct sound: 1.5 ms."""

# Distances in metres from receiver and sources to the walls, and from source to receiver.
RECEIVER_MARGIN, SOURCE_MARGIN, HEIGHT_MARGIN = 1.2, 0.4, 0.3
MIN_DISTANCE, MAX_DISTANCE = 0.7, 8.0
# Range of elevations in degrees.
MIN_ELEVATION, MAX_ELEVATION = -15.0, 25.0
SOURCE_ATTEMPTS = 50


@dataclass(frozen=True, eq=False)
class Plan:
    """Plan of a room in metres, degrees and seconds."""

    size: NDArray[np.float64]
    receiver: NDArray[np.float64]
    yaw: float
    """Orientation of the receiver, from the x axis to the left."""
    azimuth: NDArray[np.float64]
    elevation: NDArray[np.float64]
    distance: NDArray[np.float64]
    """Azimuth, elevation and distance of the sources (directions,) relative to the receiver."""
    shape: NDArray[np.float64]
    """Relative absorption of each wall in each band, (bands, 6), with mean 1."""
    scattering: float
    rt60: float
    """Required reverberation time."""

    @property
    def sources(self) -> NDArray[np.float64]:
        """Positions of sources (directions, 3) in the room."""
        vectors = to_cartesian(self.azimuth + self.yaw, self.elevation)
        return self.receiver + self.distance[:, None] * vectors

    @property
    def areas(self) -> NDArray[np.float64]:
        """Areas of the walls in square metres."""
        return np.repeat(np.prod(self.size) / self.size, 2)

    def exponent(self, air: float) -> float:
        """Return the mean absorption exponent by Eyring's formula, with ``air`` per metre."""
        volume = float(np.prod(self.size))
        return (0.161 * volume / self.rt60 - 4.0 * air * volume) / float(self.areas.sum())

    def absorption(self, exponent: float) -> NDArray[np.float64]:
        """Return the absorption of each wall in each band, (bands, 6)."""
        return 1.0 - np.exp(-exponent * self.shape)


def sample_plan(
    rng: np.random.Generator, directions: int, rt60: tuple[float, float]
) -> Plan | None:
    """Sample a room with sources in all directions; None if the sources do not fit into it."""
    width = float(np.exp(rng.uniform(np.log(3.0), np.log(10.0))))
    size = np.array([width * rng.uniform(1.0, 1.8), width, rng.uniform(2.3, 2.6 + 0.25 * width)])
    if rng.random() < 0.5:
        size[:2] = size[1::-1]
    receiver = np.append(
        rng.uniform(RECEIVER_MARGIN, size[:2] - RECEIVER_MARGIN), rng.uniform(1.0, 1.8)
    )
    yaw = rng.uniform(-180.0, 180.0)
    wanted = float(np.exp(rng.uniform(*np.log(rt60))))
    walls = np.exp(rng.uniform(-0.7, 0.7, 6))
    octaves = np.linspace(-1.0, 1.0, len(CENTERS))[:, None]
    bands = np.exp(rng.normal(0.0, 0.35, 6) * octaves + rng.normal(0.0, 0.15, (len(CENTERS), 6)))
    areas = np.repeat(np.prod(size) / size, 2)
    shape = walls * bands
    shape /= np.average(shape.mean(axis=0), weights=areas)
    scattering = rng.uniform(0.1, 0.4)
    sources = []
    begin = rng.uniform(-180.0, 180.0)
    for number in range(directions):
        for _ in range(SOURCE_ATTEMPTS):
            turn = (number + rng.uniform(-0.3, 0.3)) / directions
            seen = (
                (begin + 360.0 * turn + 180.0) % 360.0 - 180.0,
                rng.uniform(MIN_ELEVATION, MAX_ELEVATION),
            )
            distance = _sample_distance(rng, size, receiver, to_cartesian(seen[0] + yaw, seen[1]))
            if distance:
                sources.append((*seen, distance))
                break
        else:
            return None
    azimuth, elevation, distances = np.array(sources).T
    return Plan(size, receiver, yaw, azimuth, elevation, distances, shape, scattering, wanted)


def _sample_distance(
    rng: np.random.Generator,
    size: NDArray[np.float64],
    receiver: NDArray[np.float64],
    vector: NDArray[np.float64],
) -> float:
    """Sample the distance to a source in a direction; 0 if there is no position for it."""
    margin = np.array([SOURCE_MARGIN, SOURCE_MARGIN, HEIGHT_MARGIN])
    wall = np.where(vector > 0.0, size - margin, margin)
    away = np.abs(vector) > 1e-9
    largest = min(MAX_DISTANCE, float(((wall - receiver)[away] / vector[away]).min()))
    if largest < MIN_DISTANCE:
        return 0.0
    distance = float(np.exp(rng.uniform(np.log(MIN_DISTANCE), np.log(largest))))
    source = receiver + distance * vector
    mirrored = np.repeat(source[None], 6, axis=0)
    for axis in range(3):
        mirrored[2 * axis, axis] *= -1.0
        mirrored[2 * axis + 1, axis] = 2.0 * size[axis] - source[axis]
    detour = np.linalg.norm(mirrored - receiver, axis=1).min() - distance
    return distance if detour >= MIN_DETOUR else 0.0


def plan_facts(
    plan: Plan, exponent: float, measured: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    """Return the facts of a room for JSON, with the measured RT60 of each response."""
    absorption = plan.absorption(exponent)
    return {
        "format": "ambix1",
        "size": _rounded(plan.size),
        "receiver": {"position": _rounded(plan.receiver), "yaw": round(plan.yaw, 6)},
        "absorption": {
            "centers": list(CENTERS),
            **{wall: _rounded(absorption[:, place]) for place, wall in enumerate(WALLS)},
        },
        "scattering": round(plan.scattering, 6),
        "rt60_asked": round(plan.rt60, 6),
        "rt60": round(float(np.mean([one["rt60"] for one in measured])), 6),
        "responses": [
            {
                "azimuth": round(float(plan.azimuth[place]), 6),
                "elevation": round(float(plan.elevation[place]), 6),
                "distance": round(float(plan.distance[place]), 6),
                "position": _rounded(plan.sources[place]),
                "rt60": round(one["rt60"], 6),
            }
            for place, one in enumerate(measured)
        ],
    }


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 6) for value in values]
