"""First-order room responses: simulated, or measured ones from directories.

A response is the AmbiX signal of a first-order receiver for an impulse from one direction. It
contains this direction, so that a source is convolved with the response of its direction without
further gains. All random choices are pure functions of a seed and a number.
"""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit import rotate_foa
from spatialkit.errors import LayoutError, OptionError, SignalError
from spatialkit.layouts import AmbisonicFormat, get_format
from spatialkit.validation import as_angles, as_choice, as_count, as_number
from spatialkit_models.data.rooms.files import Room, find_rooms, split_rooms
from spatialkit_models.data.rooms.measures import (
    around_direct,
    direct_direction,
    direct_sample,
    reverberation_time,
)
from spatialkit_models.data.rooms.plans import Plan, plan_facts, sample_plan
from spatialkit_models.data.rooms.simulation import DIRECT_SECONDS, import_tracer, respond
from spatialkit_models.stem_names import SPLITS

__all__ = [
    "Room",
    "RoomResponses",
    "SimulatedRoom",
    "direct_direction",
    "find_rooms",
    "reverberation_time",
    "simulate_room",
    "split_rooms",
]

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
# Time in seconds after the direct sound from which on a response is reverberation.
DIRECT_END = 0.0025
# Number of cached responses: 0.4 MB each at 44.1 kHz and 0.6 s.
MAX_CACHED = 256


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
    as_count(sample_rate, "sample_rate", minimum=8000, maximum=192000)
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


class RoomResponses:
    """Responses of simulated and measured rooms, indexed by number.

    Parameters
    ----------
    directories : sequence of path
        Directories of responses: see `find_rooms`.
    split : {"train", "valid", "test"}
        Split of the rooms: see `split_rooms`.
    sample_rate : int
        Sample rate in Hz; responses at other rates are resampled.
    seed : int
        Seed of the choice of rooms.
    format : str or AmbisonicFormat
        Ambisonic format of measured responses: "ambix1", "N3D-ACN-1", "fuma1" ... For separate
        files W, X, Y and Z only its normalization is used.
    dry_below : float
        Frequency in Hz below which responses are reduced to the direct sound (12 dB per octave);
        0 disables it. Early reflections of low frequencies add up in W and cancel in X and Y, so
        that a network trained on them would give the bass no direction.
    splits : mapping of str to str, optional
        Splits of single rooms by name.

    Raises
    ------
    AudioFileError
        If a directory contains no responses or a file cannot be read.
    OptionError
        If an argument is out of range or the split has no room.

    Examples
    --------
    >>> import tempfile
    >>> from spatialkit import encode_foa, write
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/hall.wav", encode_foa(np.eye(1, 900)[0], 30.0), 44100, format="ambix1")
    ...     responses = RoomResponses([folder], "train")
    ...     turned = responses.responses(0, [90.0, -90.0])
    >>> turned.shape[:2], turned[:, 1, 132].round(3).tolist()
    ((2, 4), [1.0, -1.0])
    """

    def __init__(
        self,
        directories: Sequence[str | os.PathLike[str]],
        split: str,
        sample_rate: int = 44100,
        *,
        seed: int = 0,
        format: str | AmbisonicFormat = "ambix1",
        dry_below: float = 0.0,
        splits: Mapping[str, str] | None = None,
    ) -> None:
        self.split = as_choice(split, "split", SPLITS)
        self.sample_rate = as_count(sample_rate, "sample_rate", minimum=8000)
        self.seed = as_count(seed, "seed", minimum=0)
        self.dry_below = as_number(dry_below, "dry_below", minimum=0.0, maximum=1000.0, unit="Hz")
        if not directories:
            raise OptionError(
                "no rooms: pass directories of room responses, such as those that "
                "spatialkit rooms writes"
            )
        known = get_format(format)
        if not isinstance(known, AmbisonicFormat) or known.order != 1:
            raise LayoutError(f"format must be Ambisonic of order 1, got {known.name!r}")
        found = [room for directory in directories for room in find_rooms(directory, known)]
        self.rooms = split_rooms(found, split, splits=splits)
        if not self.rooms:
            given = ", ".join(map(str, directories))
            raise OptionError(
                f"no room in the split {split!r}; directories: {given}. Assign rooms to it with "
                f"splits=, or put them into a directory named {split}"
            )
        self._read: OrderedDict[tuple[int, int], _Response] = OrderedDict()

    def room(self, index: int) -> Room:
        """Return the room of a number, sampled from those of the split."""
        return self.rooms[self._choice(index)[0]]

    def responses(
        self, index: int, azimuth: ArrayLike, *, room_db: float = 0.0
    ) -> NDArray[np.float32]:
        """Return responses of the room of a number for sources in given directions.

        Each is the response of the nearest available direction, rotated to the source. The direct
        sound has the level 1 and arrives after 3 ms.

        Parameters
        ----------
        index : int
            Number of the room choice, at least 0.
        azimuth : array_like, shape (sources,)
            Azimuths of the sources in degrees.
        room_db : float
            Level of the reverberation in dB relative to that of the response; values below 0
            correspond to closer sources, as in a studio.

        Returns
        -------
        ndarray of float32, shape (sources, 4, samples)
            AmbiX; shorter responses are padded with silence.
        """
        room, _ = self._choice(index)
        known = [
            self._response(room, number).azimuth if file.azimuth is None else file.azimuth
            for number, file in enumerate(self.rooms[room].responses)
        ]
        found = []
        for target in np.atleast_1d(as_angles(azimuth, "azimuth")):
            turns = (target - np.array(known) + 180.0) % 360.0 - 180.0
            nearest = int(np.argmin(np.abs(turns)))
            found.append(rotate_foa(self._response(room, nearest).samples, yaw=turns[nearest]))
        stacked = _stacked(found)
        if room_db:
            # The direct sound has the same index in all responses.
            after = 1.0 - _direct_window(stacked.shape[-1], self.sample_rate)
            stacked *= 1.0 + (np.float32(10 ** (room_db / 20)) - 1.0) * after
        return stacked

    def published(self, index: int, azimuth: ArrayLike) -> NDArray[np.float32]:
        """Return responses as generated by the authors of the Ambisonizer, for comparison.

        W, Y and X of a single response are multiplied by the gains of a plane wave in N3D for each
        source. As the response contains a direction itself, the image of a source differs from its
        direction; for a response from the front, Y is near 0. The response is cut to 0.3 to 1 s,
        the last 0.05 to 0.3 s of which are faded out, equally for all sources of a number.

        Parameters
        ----------
        index : int
            Number of the room choice, at least 0.
        azimuth : array_like, shape (sources,)
            Azimuths of the sources in degrees.

        Returns
        -------
        ndarray of float32, shape (sources, 4, samples)
            W, Y, Z = 0, X.
        """
        room, rng = self._choice(index)
        number = int(rng.integers(len(self.rooms[room].responses)))
        samples = self._response(room, number).samples
        length = min(samples.shape[1], round(rng.uniform(0.3, 1.0) * self.sample_rate))
        fade = min(length, round(rng.uniform(0.05, 0.3) * self.sample_rate))
        cut = samples[:, :length].copy()
        cut[:, length - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
        angles = np.radians(np.atleast_1d(as_angles(azimuth, "azimuth")))
        root = math.sqrt(3.0)
        ones, none = np.ones_like(angles), np.zeros_like(angles)
        gains = np.stack([ones, root * np.sin(angles), none, root * np.cos(angles)], axis=1)
        return gains.astype(np.float32)[:, :, None] * cut

    def _choice(self, index: int) -> tuple[int, np.random.Generator]:
        """Return the index of the room of a number, and a generator for further choices."""
        rng = np.random.default_rng([self.seed, as_count(index, "index", minimum=0)])
        return int(rng.integers(len(self.rooms))), rng

    def _response(self, room: int, number: int) -> _Response:
        """Return a response, read and prepared unless it is cached."""
        key = room, number
        if key in self._read:
            self._read.move_to_end(key)
        else:
            self._read[key] = self._prepared(room, number)
            if len(self._read) > MAX_CACHED:
                self._read.popitem(last=False)
        return self._read[key]

    def _prepared(self, room: int, number: int) -> _Response:
        file = self.rooms[room].responses[number]
        samples: NDArray[Any] = file.read(self.sample_rate)
        try:
            direct = direct_sample(samples[0], self.sample_rate)
        except SignalError as error:
            raise SignalError(f"{file.paths[0]}: {error}") from error
        azimuth = file.azimuth
        if azimuth is None:
            azimuth = direct_direction(samples, self.sample_rate)[0]
        position = round(DIRECT_SECONDS * self.sample_rate)
        samples = np.pad(samples, ((0, 0), (max(0, position - direct), 0)))
        samples = samples[:, max(0, direct - position) :]
        level = np.linalg.norm(samples[0, around_direct(position, self.sample_rate)])
        samples = samples / level
        if self.dry_below:
            samples = _dried(samples, self.dry_below, self.sample_rate)
        return _Response(np.ascontiguousarray(samples, np.float32), azimuth)


@dataclass(frozen=True, eq=False)
class _Response:
    samples: NDArray[np.float32]
    azimuth: float


def _direct_window(length: int, sample_rate: int) -> NDArray[np.float32]:
    """Return a window that is 1 for the direct sound and decays to 0 for the reverberation."""
    direct, end = round(DIRECT_SECONDS * sample_rate), max(2, round(DIRECT_END * sample_rate))
    window = np.zeros(length, np.float32)
    window[: direct + end // 2] = 1.0
    decay = window[direct + end // 2 : direct + end]
    decay += 0.5 + 0.5 * np.cos(np.pi * np.arange(1, len(decay) + 1) / (len(decay) + 1))
    return window


def _dried(samples: NDArray[Any], below: float, sample_rate: int) -> NDArray[np.float64]:
    """Remove the reverberation below a frequency by a high-pass."""
    from scipy.signal import butter, sosfilt

    dry = samples * _direct_window(samples.shape[1], sample_rate)
    sections = butter(2, below, "highpass", fs=sample_rate, output="sos")
    dried: NDArray[np.float64] = dry + sosfilt(sections, samples - dry)
    return dried


def _stacked(responses: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    longest = max(response.shape[1] for response in responses)
    stacked = np.zeros((len(responses), 4, longest), np.float32)
    for place, response in enumerate(responses):
        stacked[place, :, : response.shape[1]] = response
    return stacked
