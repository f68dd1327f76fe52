"""Headphone version of an upmix, written beside it block by block."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.files import AudioStream, AudioWriter, Subtype, write_stream
from spatialkit.layouts import Format, get_layout

if TYPE_CHECKING:
    from spatialkit.binaural import BinauralStream, OrientationPath

__all__ = ["Headphones", "headphones_path"]


@dataclass(frozen=True)
class Headphones:
    """Rendering of a file for headphones; can be pickled for other processes and machines.

    Parameters
    ----------
    hrtf : str
        As in `spatialkit.read_hrtf`.
    yaw, pitch, roll : tuple of float
        Rotation of the scene in degrees; several points are equally spaced over the file.
    orientation : OrientationPath, optional
        Rotation with points at any times, in place of these angles.
    """

    hrtf: str = "ku100"
    yaw: tuple[float, ...] = (0.0,)
    pitch: tuple[float, ...] = (0.0,)
    roll: tuple[float, ...] = (0.0,)
    orientation: OrientationPath | None = None

    def stream(
        self, form: Format, sample_rate: int, seconds: float, **options: Any
    ) -> BinauralStream:
        """Return the stream for a file of a format, rate and duration.

        Parameters
        ----------
        form : Layout or AmbisonicFormat
        sample_rate : int
            Hz.
        seconds : float
            Duration of the file.
        **options
            ``method``, ``order`` and ``lfe_gain``, as in `spatialkit.render` to "binaural".

        Raises
        ------
        OptionError, ShapeError
            If an option is not accepted, or the numbers of points differ.
        """
        from spatialkit.binaural import BinauralStream, OrientationPath

        path, angles = self.orientation, (self.yaw, self.pitch, self.roll)
        if path is None and any(len(points) > 1 for points in angles):
            single = (points[0] if len(points) == 1 else points for points in angles)
            path = OrientationPath.over(seconds, *single)
        if path is not None:
            return BinauralStream(form, sample_rate, orientation=path, hrtf=self.hrtf, **options)
        stream = BinauralStream(form, sample_rate, hrtf=self.hrtf, **options)
        stream.turn(*(points[0] for points in angles))
        return stream

    @cached_property
    def hrtf_digest(self) -> str:
        """Hash of the responses, which are not those of the name if a file has changed.

        Raises
        ------
        AudioFileError
            If the file of the HRTF cannot be read.
        """
        from spatialkit.binaural import read_hrtf

        found, whole = read_hrtf(self.hrtf), blake2b(digest_size=16)
        for array in (found.ir, found.azimuth, found.elevation, np.array(found.sample_rate)):
            whole.update(np.ascontiguousarray(array).tobytes())
        return whole.hexdigest()

    def settings(self) -> str:
        """Return all that the rendering depends on, as JSON."""
        path = self.orientation
        names = ("seconds", "yaw", "pitch", "roll") if path else ()
        points = [getattr(path, name).tolist() for name in names]
        angles = [self.yaw, self.pitch, self.roll]
        return json.dumps([self.hrtf, self.hrtf_digest, angles, points])


def headphones_path(output: str | Path) -> Path:
    """Return the path of the headphone version of an upmix.

    Examples
    --------
    >>> headphones_path("albums/song.wav").as_posix()
    'albums/song.headphones.wav'
    """
    path = Path(output)
    return path.with_name(f"{path.stem}.headphones{path.suffix}")


class HeadphonesWriter:
    """Writer of a headphone version, which measures its loudness and that of the original.

    Parameters
    ----------
    file : AudioWriter
    form : Layout or AmbisonicFormat
        Format of the upmix.
    source : AudioStream
    headphones : Headphones
    """

    def __init__(
        self, file: AudioWriter, form: Format, source: AudioStream, headphones: Headphones
    ) -> None:
        from spatialkit.metrics import LoudnessMeter

        self._file, self._headphones = file, headphones
        self._stream = headphones.stream(form, source.sample_rate, source.duration)
        self._meter, self._original = (LoudnessMeter(None, source.sample_rate) for _ in range(2))

    def write(self, upmix: NDArray[Any], original: NDArray[Any]) -> None:
        """Write the next samples of an upmix, and measure those of its source."""
        ears = self._stream.process(upmix)
        self._meter.add(ears)
        self._original.add(original)
        self._file.write(ears)

    def facts(self) -> dict[str, Any]:
        """Return HRTF with its hash, largest magnitude, gain, and loudness in LUFS of both."""
        return {
            "hrtf": self._headphones.hrtf,
            "hrtf_digest": self._headphones.hrtf_digest,
            "peak": self._file.peak,
            "gain_db": self._file.gain_db,
            "loudness": float(self._meter.finish()) + self._file.gain_db,
            "source_loudness": float(self._original.finish()),
        }


@contextmanager
def write_headphones(
    output: str | Path,
    source: AudioStream,
    form: Format,
    headphones: Headphones | None,
    *,
    subtype: Subtype | None,
    overwrite: bool,
) -> Iterator[HeadphonesWriter | None]:
    """Write the headphone version of an upmix, if there shall be one."""
    if headphones is None:
        yield None
        return
    with write_stream(
        headphones_path(output),
        source.sample_rate,
        format=get_layout("stereo"),
        samples=source.samples,
        subtype=subtype,
        peak_guard=True,
        overwrite=overwrite,
    ) as file:
        yield HeadphonesWriter(file, form, source, headphones)
