"""Simulated rooms: responses with a required reverberation time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import OptionError, SignalError
from spatialkit.validation import as_count, as_number, as_sample_rate
from spatialkit_models.data.rooms.measures import direct_direction, reverberation_time
from spatialkit_models.data.rooms.plans import Plan, plan_facts, sample_plan
from spatialkit_models.data.rooms.simulation import DIRECT_SECONDS, import_tracer, respond

__all__ = ["SimulatedRoom", "check_rt60", "simulate_room"]

RT60 = (0.15, 1.5)
"""Default range of the reverberation time in seconds."""

# Mean absorption of air per metre, for the initial estimate of the absorption of walls.
AIR = 0.006
# Range of mean absorption exponents, -ln(1 - absorption): from bare walls to a studio booth.
EXPONENTS = (0.02, 2.3)
# Tolerances of RT60: first response while the absorption is fitted, mean of all, each response.
FIT_TOLERANCE, MEAN_TOLERANCE, MAX_TOLERANCE = 0.04, 0.08, 0.25
TRIALS = 6
# Attempts at a room before an error.
ATTEMPTS = 200
# Tolerance of the direction of the direct sound in degrees.
MAX_DIRECTION_ERROR = 1.0


@dataclass(frozen=True, eq=False)
class SimulatedRoom:
    """Responses and facts of one room.

    Parameters
    ----------
    responses : tuple of ndarray of float32, shape (4, samples)
        AmbiX, one per direction. The direct sound has the amplitude 0.5 / distance in metres and
        arrives after 3 ms at any distance, so that sources remain synchronous.
    sample_rate : int
        Sample rate in Hz.
    facts : dict
        Facts for JSON: sizes, absorption, required and measured values.
    """

    responses: tuple[NDArray[np.float32], ...]
    sample_rate: int
    facts: dict[str, Any]


def simulate_room(
    seed: int,
    number: int,
    *,
    directions: int = 8,
    rt60: tuple[float, float] = RT60,
    sample_rate: int = 44100,
) -> SimulatedRoom:
    """Simulate a shoebox room with sources in all directions, by image sources and ray tracing.

    Walls have different absorption by band. Their mean absorption is fitted so that T20 of W
    equals a random reverberation time. If that is impossible, or the direct sound does not come
    from its direction, another room is sampled.

    Parameters
    ----------
    seed, number : int
        Seed of the collection and number of the room in it, at least 0.
    directions : int
        Number of sources, 1 to 64, at nearly equal angles around the receiver.
    rt60 : (float, float)
        Range of the reverberation time in seconds, within 0.1 to 3; uniform on a logarithmic scale.
    sample_rate : int
        Sample rate in Hz, 8000 to 192000.

    Returns
    -------
    SimulatedRoom

    Raises
    ------
    OptionError
        If an argument is out of range, pyroomacoustics is not installed, or 200 attempts fail.

    Examples
    --------
    >>> room = simulate_room(0, 1, directions=1, rt60=(0.2, 0.3), sample_rate=8000)
    >>> room.responses[0].shape[0], 0.18 < room.facts["responses"][0]["rt60"] < 0.33
    (4, True)
    """
    seed, number = as_count(seed, "seed", minimum=0), as_count(number, "number", minimum=0)
    as_count(directions, "directions", maximum=64)
    sample_rate = as_sample_rate(sample_rate, minimum=8000, maximum=192000)
    shortest, longest = check_rt60(rt60)
    for attempt in range(ATTEMPTS):
        key = [seed, number, attempt]
        plan = sample_plan(np.random.default_rng(key), directions, (shortest, longest))
        exponent = plan and _fitted_exponent(plan, sample_rate, key)
        if not plan or not exponent:
            continue
        responses = respond(plan, range(directions), exponent, sample_rate, key)
        measured = [_measured(response, sample_rate) for response in responses]
        if _accepted(plan, measured) and all(np.abs(one).max() < 1.0 for one in responses):
            facts = plan_facts(plan, exponent, measured)
            facts["simulator"] = f"pyroomacoustics {import_tracer().__version__}"
            facts["redrawn"] = attempt
            facts["direct_seconds"] = DIRECT_SECONDS
            return SimulatedRoom(tuple(responses), sample_rate, facts)
    raise OptionError(
        f"no room with {directions} directions and an RT60 of {shortest:g} to {longest:g} s was "
        f"found in {ATTEMPTS} attempts at room {number}; use a wider rt60 or fewer directions"
    )


def check_rt60(rt60: tuple[float, float]) -> tuple[float, float]:
    """Return the range of the reverberation time, both ends from 0.1 to 3 s."""
    shortest, longest = (
        as_number(value, "rt60", minimum=0.1, maximum=3.0, unit="s") for value in rt60
    )
    if shortest > longest:
        raise OptionError(
            f"rt60 must be (shortest, longest) in seconds, got ({shortest:g}, {longest:g})"
        )
    return shortest, longest


def _fitted_exponent(plan: Plan, sample_rate: int, key: Sequence[int]) -> float:
    """Return the absorption exponent with the required RT60 for the first source; 0 if none."""
    exponent = plan.exponent(AIR)
    for _ in range(TRIALS):
        if not EXPONENTS[0] <= exponent <= EXPONENTS[1]:
            break
        (response,) = respond(plan, [0], exponent, sample_rate, key)
        ratio = _measured(response, sample_rate)["rt60"] / plan.rt60
        if abs(ratio - 1.0) <= FIT_TOLERANCE:
            return exponent
        exponent *= ratio
    return 0.0


def _measured(response: NDArray[np.float32], sample_rate: int) -> dict[str, float]:
    """Measure RT60 and direction of the direct sound."""
    azimuth, elevation = direct_direction(response, sample_rate)
    try:
        rt60 = reverberation_time(response[0], sample_rate)
    except SignalError:  # the direct sound dominates, there is no decay
        rt60 = math.inf
    return {"rt60": rt60, "azimuth": azimuth, "elevation": elevation}


def _accepted(plan: Plan, measured: Sequence[dict[str, float]]) -> bool:
    """Return whether measured values are within the tolerances of the plan."""
    rt60 = np.array([one["rt60"] for one in measured]) / plan.rt60
    azimuth = [one["azimuth"] for one in measured] - plan.azimuth
    elevation = [one["elevation"] for one in measured] - plan.elevation
    error = np.maximum(np.abs((azimuth + 180.0) % 360.0 - 180.0), np.abs(elevation))
    return bool(
        abs(rt60.mean() - 1.0) <= MEAN_TOLERANCE
        and np.abs(rt60 - 1.0).max() <= MAX_TOLERANCE
        and error.max() <= MAX_DIRECTION_ERROR
    )
