"""First-order room responses, indexed by number, from directories of rooms.

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
from spatialkit.validation import as_angles, as_choice, as_count, as_number, as_sample_rate
from spatialkit_models.data.rooms.files import Room, find_rooms, split_rooms
from spatialkit_models.data.rooms.measures import (
    around_direct,
    direct_direction,
    direct_sample,
)
from spatialkit_models.data.rooms.simulation import DIRECT_SECONDS
from spatialkit_models.stem_names import SPLITS

__all__ = ["RoomResponses"]

# Time in seconds after the direct sound from which on a response is reverberation.
DIRECT_END = 0.0025
# Number of cached responses: 0.4 MB each at 44.1 kHz and 0.6 s.
MAX_CACHED = 256


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
        self.sample_rate = as_sample_rate(sample_rate, minimum=8000)
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
