"""Upmixing of files block by block, in memory that does not depend on their length."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import UpmixerError, error_message
from spatialkit.files import AudioStream, Subtype, stream, write_stream
from spatialkit.sample_queue import SampleQueue
from spatialkit.upmixing.downmix_error import DownmixMeter
from spatialkit.upmixing.interface import Upmixer
from spatialkit.upmixing.registry import get_upmixer, load_upmixer
from spatialkit.upmixing.source_check import SourceCheck, SourceReport
from spatialkit.validation import require_finite

__all__ = ["UpmixJob", "UpmixedFile", "upmix_file"]


@dataclass(frozen=True)
class UpmixJob:
    """A file to upmix; can be sent to other processes and machines.

    Parameters
    ----------
    source, output : str or path
    upmixer : str
        Name of an upmixer that is installed where the job runs.
    options : mapping
        Options of the upmixer, by name.
    overwrite : bool
        Whether an existing output is replaced.
    subtype : str, optional
        Encoding of the output, as `spatialkit.write` takes it.
    """

    source: str | Path
    output: str | Path
    upmixer: str = "ambience"
    options: Mapping[str, Any] = field(default_factory=dict)
    overwrite: bool = False
    subtype: Subtype | None = None


@dataclass(frozen=True)
class UpmixedFile:
    """Result of `upmix_file`.

    Parameters
    ----------
    channels, samples : int
        Of the output.
    sample_rate : int
        Hz.
    peak : float
        Largest magnitude of the upmix; 1 is full scale.
    gain_db : float
        Gain of the peak guard: 0 unless the upmix exceeds the range of the encoding.
    subtype : str
        Encoding of the output.
    downmix_error_db, downmix_correction_db : float
        Downmix SNR and level of the correction, measured by `DownmixMeter` on the upmix: before
        that gain, and before the encoding, such as rounding to 24 bits.
    source : SourceReport or None
        Properties of the source; None if it is neither mono nor stereo.
    """

    channels: int
    samples: int
    sample_rate: int
    peak: float
    gain_db: float
    subtype: str
    downmix_error_db: float
    downmix_correction_db: float
    source: SourceReport | None


def upmix_file(job: UpmixJob) -> UpmixedFile:
    """Upmix one file to another, in the memory of a few blocks if the upmixer streams.

    The upmixer is created by the first job of a process that uses it, and kept for later jobs.

    Parameters
    ----------
    job : UpmixJob
        Its output is written as `spatialkit.write_stream` does it: all of it, or nothing; scaled
        down where its encoding could not hold its peak.

    Returns
    -------
    UpmixedFile

    Raises
    ------
    AudioFileError
        If a file cannot be read or written.
    SignalError
        If the source holds NaN or infinity.
    UpmixerError
        If there is no such upmixer, it does not take so many channels, or whatever it raises.
    OptionError
        If the output has no such encoding.

    Warns
    -----
    SpatialkitWarning
        If the peak guard has scaled the output.

    Examples
    --------
    >>> import tempfile
    >>> from spatialkit.sample import sample_path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     job = UpmixJob(sample_path(), f"{folder}/song.wav", "matrix", {"layout": "7.1.4"})
    ...     made = upmix_file(job)
    >>> made.channels, made.samples, round(made.downmix_error_db)
    (12, 1323000, 6)
    """
    upmixer = kept_upmixer(job.upmixer, job.options)
    with stream(job.source) as source:
        _require_accepted(upmixer, source, job.source)
        measured = DownmixMeter(upmixer.format, source.channels)
        check = SourceCheck(source.sample_rate) if source.channels <= 2 else None
        with write_stream(
            job.output,
            source.sample_rate,
            format=upmixer.format,
            samples=source.samples,
            subtype=job.subtype,
            peak_guard=True,
            overwrite=job.overwrite,
        ) as target:
            originals = SampleQueue()  # the input of samples that were not returned yet

            def finish(upmix: NDArray[Any], original: NDArray[Any]) -> None:
                measured.add(upmix, original)
                target.write(upmix)

            with ThreadPoolExecutor(1) as beside:  # writes one block while the next is upmixed
                under_way: list[Future[None]] = []
                for upmix in _upmixed(upmixer, source, job.source, originals, check):
                    if upmix.shape[1] > len(originals):
                        raise UpmixerError(
                            f"{job.source}: the upmixer returned more samples than it received"
                        )
                    while under_way:
                        under_way.pop().result()
                    original = originals.take(upmix.shape[1])
                    under_way.append(beside.submit(finish, upmix, original))
                under_way.pop().result()
            if len(originals):
                raise UpmixerError(
                    f"{job.source}: the upmixer returned {len(originals)} samples too few"
                )
    return UpmixedFile(
        upmixer.format.n_channels,
        source.samples,
        source.sample_rate,
        measured.peak,
        target.gain_db,
        target.subtype,
        measured.error_db,
        measured.correction_db,
        check.report() if check else None,
    )


def _require_accepted(upmixer: Upmixer, source: AudioStream, path: str | Path) -> None:
    if source.channels in upmixer.accepts:
        return
    channels = f"{source.channels} channel{'' if source.channels == 1 else 's'}"
    known = f" ({source.format.name})" if source.format else ""
    counts = " or ".join(map(str, upmixer.accepts))
    raise UpmixerError(f"{path} has {channels}{known}: upmixer {upmixer.name!r} takes {counts}")


def _upmixed(
    upmixer: Upmixer,
    source: AudioStream,
    path: str | Path,
    originals: SampleQueue,
    check: SourceCheck | None,
) -> Iterator[NDArray[Any]]:
    """Yield the upmix of a source block by block, and append the source to ``originals``."""
    start = 0
    with _blamed(path):
        stream = upmixer.stream(source.sample_rate)
    for block in source if source.samples else [np.zeros((source.channels, 0), np.float32)]:
        since = f" from sample {start} on" if start else ""
        originals.append(require_finite(block, f"{path}{since}"))
        start += block.shape[1]
        with _blamed(path):
            ready = stream.process(block)
        if check:
            check.update(block)
        yield ready
    with _blamed(path):
        rest = stream.flush()
    yield rest


@contextmanager
def _blamed(path: str | Path) -> Iterator[None]:
    """Whatever an upmixer raises as an error that names the file."""
    try:
        yield
    except Exception as error:
        raise UpmixerError(f"{path}: {error_message(error)}") from error


_kept: dict[Any, Upmixer] = {}
_keeping = threading.Lock()


def kept_upmixer(name: str, options: Mapping[str, Any]) -> Upmixer:
    """Upmixer that this process makes once: a model is not loaded for each of many files.

    The last one is kept. Streams hold what is under way, so that threads may share it.
    """
    # What makes it belongs to the key: a name may be registered anew.
    key = name, load_upmixer(name), tuple(sorted(options.items(), key=lambda item: item[0]))
    try:
        hash(key)
    except TypeError:  # no option is such a value: it is refused by name
        return get_upmixer(name, **options)
    with _keeping:
        if key not in _kept:
            made = get_upmixer(name, **options)
            _kept.clear()
            _kept[key] = made
        return _kept[key]
