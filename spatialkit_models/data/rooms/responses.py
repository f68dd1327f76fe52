"""First-order responses of rooms: simulated, or read from folders of measured ones.

A response is what a first-order receiver hears of an impulse from one direction, in AmbiX: it
holds that direction, so each source is convolved with the response from where it stands, and with
no gains. All draws are pure functions of a seed and a number.
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
from spatialkit_models.data.rooms.plans import Plan, draw_plan, plan_facts
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
"""Least and most seconds of reverberation, by default."""

# Air's mean absorption per metre for the first guess at the walls'; what follows is measured.
AIR = 0.006
# Mean absorption exponents, -ln(1 - absorption), of a bare cellar and of a studio's booth.
EXPONENTS = (0.02, 2.3)
# How far off RT60 may be: of the first response while walls are sought, of all on average, of each.
SOUGHT, ON_AVERAGE, EACH = 0.04, 0.08, 0.25
TRIALS = 6
# Rooms drawn before it is said that there is none.
ATTEMPTS = 200
# Degrees by which the direct sound may miss its place.
MOST_MISS = 1.0
# Seconds of the direct sound after which all is room.
DIRECT_END = 0.0025
# Responses that are kept: 0.4 MB each at 44.1 kHz and 0.6 s.
MOST_READ = 256


@dataclass(frozen=True, eq=False)
class SimulatedRoom:
    """Responses of one room, and all that is known of it.

    Parameters
    ----------
    responses : tuple of ndarray of float32, shape (4, samples)
        AmbiX, one for each direction. The direct sound has amplitude 0.5/metres and arrives after
        3 ms, whatever its way: sources stay together in time.
    sample_rate : int
        Hz.
    facts : dict
        As it is written to JSON: sizes, absorption, what was asked for and what was measured.
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
    """Simulate one room with sources all around: image sources, then rays.

    A shoebox with walls that absorb differently, by band, too. How much they do in all is found
    so that T20 of W is what was drawn. Where no walls do that, the room is drawn again; so it is
    where the direct sound is not where it belongs.

    Parameters
    ----------
    seed, number : int
        At least 0: of the collection, and of the room in it.
    directions : int
        1 to 64 sources, evenly around the receiver but for some chance.
    rt60 : (float, float)
        Least and most seconds, from 0.1 to 3, drawn evenly on a logarithmic scale.
    sample_rate : int
        Hz, 8000 to 192000.

    Returns
    -------
    SimulatedRoom

    Raises
    ------
    OptionError
        If an argument is out of range, pyroomacoustics is not installed, or 200 draws give no room.

    Examples
    --------
    >>> room = simulate_room(0, 1, directions=1, rt60=(0.2, 0.3), sample_rate=8000)
    >>> room.responses[0].shape[0], 0.18 < room.facts["responses"][0]["rt60"] < 0.33
    (4, True)
    """
    seed, number = as_count(seed, "seed", minimum=0), as_count(number, "number", minimum=0)
    as_count(directions, "directions", maximum=64)
    as_count(sample_rate, "sample_rate", minimum=8000, maximum=192000)
    least, most = check_rt60(rt60)
    for attempt in range(ATTEMPTS):
        key = [seed, number, attempt]
        plan = draw_plan(np.random.default_rng(key), directions, (least, most))
        exponent = plan and _found_exponent(plan, sample_rate, key)
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
        f"no room of {directions} directions and {least:g} to {most:g} s was found in "
        f"{ATTEMPTS} draws of room {number}: widen rt60, or ask for fewer directions"
    )


def check_rt60(rt60: tuple[float, float]) -> tuple[float, float]:
    """Return least and most seconds, both from 0.1 to 3."""
    least, most = (as_number(value, "rt60", minimum=0.1, maximum=3.0, unit="s") for value in rt60)
    if least > most:
        raise OptionError(f"rt60 must be the least and the most, got {least:g} and {most:g} s")
    return least, most


def _found_exponent(plan: Plan, sample_rate: int, key: Sequence[int]) -> float:
    """Absorption with which the first source's response has the RT60 asked for; 0 if none has."""
    exponent = plan.exponent(AIR)
    for _ in range(TRIALS):
        if not EXPONENTS[0] <= exponent <= EXPONENTS[1]:
            break
        (response,) = respond(plan, [0], exponent, sample_rate, key)
        ratio = _measured(response, sample_rate)["rt60"] / plan.rt60
        if abs(ratio - 1.0) <= SOUGHT:
            return exponent
        exponent *= ratio
    return 0.0


def _measured(response: NDArray[np.float32], sample_rate: int) -> dict[str, float]:
    """RT60, and where the direct sound comes from."""
    azimuth, elevation = direct_direction(response, sample_rate)
    try:
        rt60 = reverberation_time(response[0], sample_rate)
    except SignalError:  # so much direct sound that there is no decay
        rt60 = math.inf
    return {"rt60": rt60, "azimuth": azimuth, "elevation": elevation}


def _accepted(plan: Plan, measured: Sequence[dict[str, float]]) -> bool:
    rt60 = np.array([one["rt60"] for one in measured]) / plan.rt60
    azimuth = [one["azimuth"] for one in measured] - plan.azimuth
    elevation = [one["elevation"] for one in measured] - plan.elevation
    miss = np.maximum(np.abs((azimuth + 180.0) % 360.0 - 180.0), np.abs(elevation))
    return bool(
        abs(rt60.mean() - 1.0) <= ON_AVERAGE
        and np.abs(rt60 - 1.0).max() <= EACH
        and miss.max() <= MOST_MISS
    )


class RoomResponses:
    """Responses for training, by number: of simulated and of measured rooms.

    Parameters
    ----------
    roots : sequence of path
        Folders: see `find_rooms`.
    split : {"train", "valid", "test"}
        Which rooms: see `split_rooms`.
    sample_rate : int
        Hz. Responses of other rates are converted.
    seed : int
        Of the choice of rooms.
    format : str or AmbisonicFormat
        What measured responses are: "ambix1", "N3D-ACN-1", "fuma1" ... Of files W, X, Y and Z only
        the normalization counts.
    dry_below : float
        Hz below which only the direct sound is left (12 dB per octave): early reflections of low
        notes add up in W and cancel in X and Y, so that learned from rooms the bass is nowhere.
        0 leaves it as it is.
    splits : mapping of str to str, optional
        Parts of rooms by name.

    Raises
    ------
    AudioFileError
        If a folder holds no responses, or a file cannot be read.
    OptionError
        If an argument is out of range, or there is no room of this split.

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
        roots: Sequence[str | os.PathLike[str]],
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
        if not roots:
            raise OptionError("there is no room: name folders of responses (spatialkit rooms)")
        known = get_format(format)
        if not isinstance(known, AmbisonicFormat) or known.order != 1:
            raise LayoutError(f"format must be Ambisonic of order 1, got {known.name!r}")
        found = [room for root in roots for room in find_rooms(root, known)]
        self.rooms = split_rooms(found, split, splits=splits)
        if not self.rooms:
            given = ", ".join(map(str, roots))
            raise OptionError(
                f"there is no room for split {split!r}; roots: {given}. Put rooms into a folder "
                f"called {split}, or name them with splits="
            )
        self._read: OrderedDict[tuple[int, int], _Response] = OrderedDict()

    def room(self, index: int) -> Room:
        """Room of a number, drawn from those of this split."""
        return self.rooms[self._drawn(index)[0]]

    def responses(
        self, index: int, azimuth: ArrayLike, *, room_db: float = 0.0
    ) -> NDArray[np.float32]:
        """Responses of the room of a number to sources in given directions.

        Each is the response from the nearest direction there is, turned by what is missing. The
        direct sound has level 1 and arrives after 3 ms.

        Parameters
        ----------
        index : int
            At least 0.
        azimuth : array_like, shape (sources,)
            Degrees.
        room_db : float
            Level of all but the direct sound against that of the room: below 0, dB, sources are
            as near as in a studio.

        Returns
        -------
        ndarray of float32, shape (sources, 4, samples)
            AmbiX; silence behind those that are shorter.
        """
        room, _ = self._drawn(index)
        known = [
            self._response(room, number).azimuth if file.azimuth is None else file.azimuth
            for number, file in enumerate(self.rooms[room].responses)
        ]
        found = []
        for wanted in np.atleast_1d(as_angles(azimuth, "azimuth")):
            turns = (wanted - np.array(known) + 180.0) % 360.0 - 180.0
            nearest = int(np.argmin(np.abs(turns)))
            found.append(rotate_foa(self._response(room, nearest).samples, yaw=turns[nearest]))
        stacked = _stacked(found)
        if room_db:
            # The direct sound is at the same place in all.
            after = 1.0 - _direct_window(stacked.shape[-1], self.sample_rate)
            stacked *= 1.0 + (np.float32(10 ** (room_db / 20)) - 1.0) * after
        return stacked

    def published(self, index: int, azimuth: ArrayLike) -> NDArray[np.float32]:
        """Make responses as the authors of Ambisonizer do, for comparison.

        One response serves every source: W, Y and X of it times the gains of a plane wave in N3D.
        It holds a direction of its own, so that the image of a source is not where it was put: of
        a response from ahead, Y stays near 0. It is cut to 0.3 to 1 s, the last 0.05 to 0.3 s of it
        faded, the same for all sources of a number.

        Parameters
        ----------
        index : int
            At least 0.
        azimuth : array_like, shape (sources,)
            Degrees.

        Returns
        -------
        ndarray of float32, shape (sources, 4, samples)
            W, Y, Z = 0, X.
        """
        room, rng = self._drawn(index)
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

    def _drawn(self, index: int) -> tuple[int, np.random.Generator]:
        rng = np.random.default_rng([self.seed, as_count(index, "index", minimum=0)])
        return int(rng.integers(len(self.rooms))), rng

    def _response(self, room: int, number: int) -> _Response:
        """Read and prepare a response if it is not at hand."""
        key = room, number
        if key in self._read:
            self._read.move_to_end(key)
        else:
            self._read[key] = self._prepared(room, number)
            if len(self._read) > MOST_READ:
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
        wanted = round(DIRECT_SECONDS * self.sample_rate)
        samples = np.pad(samples, ((0, 0), (max(0, wanted - direct), 0)))
        samples = samples[:, max(0, direct - wanted) :]
        level = np.linalg.norm(samples[0, around_direct(wanted, self.sample_rate)])
        samples = samples / level
        if self.dry_below:
            samples = _dried(samples, self.dry_below, self.sample_rate)
        return _Response(np.ascontiguousarray(samples, np.float32), azimuth)


@dataclass(frozen=True, eq=False)
class _Response:
    samples: NDArray[np.float32]
    azimuth: float


def _direct_window(length: int, sample_rate: int) -> NDArray[np.float32]:
    """1 where a response is direct sound, falling to 0 where all is room."""
    direct, end = round(DIRECT_SECONDS * sample_rate), max(2, round(DIRECT_END * sample_rate))
    window = np.zeros(length, np.float32)
    window[: direct + end // 2] = 1.0
    fall = window[direct + end // 2 : direct + end]
    fall += 0.5 + 0.5 * np.cos(np.pi * np.arange(1, len(fall) + 1) / (len(fall) + 1))
    return window


def _dried(samples: NDArray[Any], below: float, sample_rate: int) -> NDArray[np.float64]:
    """Take the room away below a frequency: all but the direct sound goes through a high-pass."""
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
