"""Scenes of audio objects and beds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import Audio
from spatialkit.errors import OptionError, ShapeError
from spatialkit.files.adm import Blocks
from spatialkit.geometry import angle_between, to_cartesian
from spatialkit.trajectory import Trajectory
from spatialkit.validation import as_audio, as_sample_rate, require_finite, shown

__all__ = ["AudioObject", "ObjectScene", "blocks_along"]

# Largest angle between the directions of consecutive blocks: gains are linear between them.
STEP_DEGREES = 1.0
MIN_STEP_SECONDS = 0.01
# Length of the block at a start in motion, whose direction is that of the first point.
FIRST_SECONDS = 0.001


@dataclass(frozen=True, eq=False)
class AudioObject:
    """Mono signal with a direction, gain and extent over time.

    Parameters
    ----------
    samples : array_like of float, shape (samples,)
    path : Blocks or Trajectory or float
        Direction, gain and extent over time; a number is an azimuth in degrees. The spread of a
        `spatialkit.trajectory.Trajectory` becomes width and height.
    name : str
        Name of the object.

    Attributes
    ----------
    blocks : Blocks
        The path in blocks.

    Examples
    --------
    >>> voice = AudioObject(np.zeros(48000), 30.0, name="voice")
    >>> voice.blocks.azimuth
    array([30.])
    """

    samples: NDArray[Any]
    path: Blocks | Trajectory | float = 0.0
    name: str = "object"
    blocks: Blocks = field(init=False)

    def __post_init__(self) -> None:
        samples = as_audio(self.samples, "samples of an object", allow_mono=True)
        if samples.ndim != 1:
            raise ShapeError(
                f"samples of an object must have shape (samples,), got {samples.shape}"
            )
        require_finite(samples, "samples of an object")
        object.__setattr__(self, "samples", samples)
        if not isinstance(self.name, str):
            raise OptionError(f"name of an object must be text, got {shown(self.name)}")
        path = self.path
        if isinstance(path, Trajectory):
            blocks = blocks_along(path)
        else:
            blocks = path if isinstance(path, Blocks) else Blocks(path)  # type: ignore[arg-type]
        object.__setattr__(self, "blocks", blocks)

    def __repr__(self) -> str:
        count = len(self.blocks)
        return f"AudioObject({self.name!r}, {len(self.samples)} samples, blocks: {count})"


@dataclass(frozen=True, eq=False)
class ObjectScene:
    """Beds (channels with a format) and objects of one length and sample rate.

    Parameters
    ----------
    sample_rate : int
        Hz.
    beds : sequence of Audio
        Loudspeaker layouts and Ambisonics, each with its format.
    objects : sequence of AudioObject
    name : str
        Name of the programme.

    Raises
    ------
    ShapeError
        If lengths differ, or there is no bed and no object.
    OptionError
        If a sample rate differs, or a bed has no format.

    Examples
    --------
    >>> bed = Audio(np.zeros((6, 480)), 48000, "5.1")
    >>> ObjectScene(48000, [bed], [AudioObject(np.zeros(480), 30.0, name="voice")])
    ObjectScene(480 samples at 48000 Hz; beds: '5.1'; objects: 'voice')
    """

    sample_rate: int
    beds: tuple[Audio[Any], ...] = ()
    objects: tuple[AudioObject, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sample_rate", as_sample_rate(self.sample_rate))
        object.__setattr__(self, "beds", tuple(self.beds))
        object.__setattr__(self, "objects", tuple(self.objects))
        if not (self.beds or self.objects):
            raise ShapeError("a scene must have a bed or an object, got none")
        for bed in self.beds:
            if not isinstance(bed, Audio) or bed.format is None:
                raise OptionError(f"beds must be Audio with a format, got {shown(bed)}")
            if bed.sample_rate != self.sample_rate:
                raise OptionError(
                    f"a bed is at {bed.sample_rate} Hz, but the scene at {self.sample_rate} Hz; "
                    "convert it with files.resample"
                )
            as_audio(bed.samples, "samples of a bed", channels=bed.format.n_channels)
        for each in self.objects:
            if not isinstance(each, AudioObject):
                raise OptionError(f"objects must be AudioObject, got {shown(each)}")
        lengths = {bed.samples.shape[-1] for bed in self.beds}
        lengths |= {len(each.samples) for each in self.objects}
        if len(lengths) > 1:
            raise ShapeError(
                f"beds and objects must have one length, got {sorted(lengths)} samples"
            )

    @property
    def samples(self) -> int:
        """Number of samples per channel."""
        if self.beds:
            return int(self.beds[0].samples.shape[-1])
        return len(self.objects[0].samples)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate

    def __repr__(self) -> str:
        parts = [f"{self.samples} samples at {self.sample_rate} Hz"]
        if self.beds:
            names = [repr(bed.format.name) for bed in self.beds if bed.format is not None]
            parts.append("beds: " + ", ".join(names))
        if self.objects:
            parts.append("objects: " + ", ".join(repr(each.name) for each in self.objects))
        return f"ObjectScene({'; '.join(parts)})"


def blocks_along(trajectory: Trajectory) -> Blocks:
    """Return the blocks of a trajectory: its directions at most 1 degree apart, or 10 ms.

    Parameters
    ----------
    trajectory : Trajectory
        Its spread becomes width and height.

    Returns
    -------
    Blocks
        Gains to loudspeakers change linearly from block to block.

    Examples
    --------
    >>> blocks = blocks_along(Trajectory([0.0, 1.0], azimuth=[0.0, 90.0]))
    >>> len(blocks), float(blocks.azimuth[-1])
    (91, 90.0)
    """
    seconds = trajectory.seconds
    vectors = to_cartesian(trajectory.azimuth, trajectory.elevation)
    changes = np.maximum(
        angle_between(vectors[:-1], vectors[1:]), np.abs(np.diff(trajectory.spread))
    )
    times = [seconds[:1]]
    for number, change in enumerate(changes):
        length = seconds[number + 1] - seconds[number]
        most = max(1, int(length / MIN_STEP_SECONDS))
        steps = np.clip(int(np.ceil(change / STEP_DEGREES)), 1, most)
        times.append(seconds[number] + length * np.arange(1, steps + 1) / steps)
    reached = np.unique(np.maximum(np.concatenate(times), 0.0))
    values = [trajectory.at(time) for time in reached]
    columns = {name: np.array([value[name] for value in values]) for name in values[0]}
    # A block starts where the direction of the block before is reached.
    start = np.concatenate([[0.0], np.maximum(reached[:-1], reached[0] or FIRST_SECONDS)])
    interpolation = np.full(len(start), np.inf)
    interpolation[-1] = max(0.0, reached[-1] - start[-1]) if len(start) > 1 else 0.0
    spread = columns.pop("spread")
    return Blocks(**columns, width=spread, height=spread, start=start, interpolation=interpolation)
