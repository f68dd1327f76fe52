"""Headphone version of an upmix, written beside it block by block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from spatialkit.files import AudioStream, AudioWriter, Subtype, write_stream
from spatialkit.layouts import Format, get_layout

__all__ = ["headphones_path"]


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
    sample_rate : int
    hrtf : str
        As in `spatialkit.read_hrtf`.
    """

    def __init__(self, file: AudioWriter, form: Format, sample_rate: int, hrtf: str) -> None:
        from spatialkit.binaural import BinauralStream
        from spatialkit.metrics import LoudnessMeter

        self._file, self._hrtf = file, hrtf
        self._stream = BinauralStream(form, sample_rate, hrtf=hrtf)
        self._meter, self._original = (LoudnessMeter(None, sample_rate) for _ in range(2))

    def write(self, upmix: NDArray[Any], original: NDArray[Any]) -> None:
        """Write the next samples of an upmix, and measure those of its source."""
        ears = self._stream.process(upmix)
        self._meter.add(ears)
        self._original.add(original)
        self._file.write(ears)

    def facts(self) -> dict[str, Any]:
        """Return HRTF, largest magnitude, gain of the peak guard, and loudness of both in LUFS."""
        return {
            "hrtf": self._hrtf,
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
    hrtf: str,
    *,
    subtype: Subtype | None,
    overwrite: bool,
) -> Iterator[HeadphonesWriter | None]:
    """Write the headphone version of an upmix; None without ``hrtf``."""
    if not hrtf:
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
        yield HeadphonesWriter(file, form, source.sample_rate, hrtf)
