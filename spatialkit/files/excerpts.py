"""Excerpts of audio files."""

from __future__ import annotations

from dataclasses import dataclass

from spatialkit.errors import OptionError
from spatialkit.files.inspection import FileInfo
from spatialkit.validation import as_count, as_number

# More than any file has.
MAX_SECONDS = 1e15


@dataclass(frozen=True)
class Excerpt:
    """Range of a file in samples (start, stop) or in seconds (offset, duration)."""

    start: int
    stop: int | None
    offset: float | None
    duration: float | None

    def of(self, header: FileInfo) -> tuple[int, int]:
        """Return the range in a file, in samples."""
        path, length = header.path, header.samples
        if self.offset is self.duration is None:
            stop = length if self.stop is None else self.stop
            stop = as_count(stop, f"stop of {path}", minimum=0, maximum=length)
            return as_count(self.start, f"start of {path}", minimum=0, maximum=stop), stop
        if self.start or self.stop is not None:
            raise OptionError(
                "start and stop (samples) exclude offset and duration (seconds): pass either"
            )
        offset = 0.0 if self.offset is None else _seconds(self.offset, "offset")
        start = round(offset * header.sample_rate)
        stop, end = length, ""
        if self.duration is not None:
            seconds = _seconds(self.duration, "duration")
            stop = start + round(seconds * header.sample_rate)
            end = f" to {offset + seconds:g} s"
        if start < stop <= length or (start, stop) == (0, length):
            return start, stop
        problem = "is empty" if stop == start < length else f"exceeds its {header.duration:g} s"
        raise OptionError(
            f"the excerpt of {path} from {offset:g} s{end or ' on'} {problem}",
            python="; choose another offset or duration",
            command_line="; choose another --start or --duration",
        )


def _seconds(value: float, name: str) -> float:
    """Return a duration, limited so that its number of samples is finite."""
    return min(as_number(value, name, minimum=0.0, unit="s"), MAX_SECONDS)
