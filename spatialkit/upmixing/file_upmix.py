"""Block-by-block upmixing of files with constant memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.downmix import DownmixMeter
from spatialkit.errors import OptionError, UpmixerError, error_message
from spatialkit.files import AudioStream, Subtype, fitting_rate, stream, write_stream
from spatialkit.layouts import Format
from spatialkit.plugins import kept_folder, option_values
from spatialkit.sample_queue import SampleQueue
from spatialkit.upmixing.delivery import (
    Delivery,
    OutputMeter,
    TagPlan,
    delivery_gain,
    encoded_by,
)
from spatialkit.upmixing.headphones import Headphones, write_headphones
from spatialkit.upmixing.interface import Upmixer
from spatialkit.upmixing.object_tracks import ObjectUpmix, TrackStream
from spatialkit.upmixing.registry import get_upmixer, load_upmixer
from spatialkit.upmixing.source_check import SourceCheck, SourceReport
from spatialkit.validation import require_finite

if TYPE_CHECKING:
    from spatialkit.setups import LoudspeakerSetup

__all__ = ["UpmixJob", "UpmixedFile", "upmix_file"]


@dataclass(frozen=True)
class UpmixJob:
    """Upmix of one file; can be pickled for other processes and machines.

    Parameters
    ----------
    source, output : str or path
        Input and output file.
    upmixer : str
        Name of an upmixer installed on the machine that runs the job.
    options : mapping
        Options of the upmixer, by name.
    overwrite : bool
        Replace an existing output.
    subtype : str, optional
        Encoding of the output, as in `spatialkit.write`.
    reading : mapping
        Arguments of `spatialkit.files.stream` for the source, such as ``format``.
    headphones : Headphones, optional
        Version for headphones that is written beside the output, see `headphones_path`.
    setup : LoudspeakerSetup, optional
        Loudspeakers to which the output is adjusted, with the layout of the upmixer. The version
        for headphones and the measurements are those of the upmix itself.
    delivery : Delivery
        Bit rate, tags and loudness of the output.
    objects : bool
        Write objects and a bed with ADM metadata (.wav, PCM) instead of channels, see
        `Upmixer.as_objects`. The measurements and the version for headphones are those of their
        rendering, which equals the upmix.
    """

    source: str | Path
    output: str | Path
    upmixer: str = "ambience"
    options: Mapping[str, Any] = field(default_factory=dict)
    overwrite: bool = False
    subtype: Subtype | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    headphones: Headphones | None = None
    setup: LoudspeakerSetup | None = None
    delivery: Delivery = field(default_factory=Delivery)
    objects: bool = False


@dataclass(frozen=True)
class UpmixedFile:
    """Result of `upmix_file`.

    Parameters
    ----------
    channels, samples : int
        Number of channels and samples of the output.
    sample_rate : int
        Sample rate in hertz.
    peak : float
        Largest magnitude of the output before ``gain_db``; 1 is full scale.
    gain_db : float
        Gain of the peak guard: 0 unless the upmix exceeds the range of the encoding.
    subtype : str
        Encoding of the output.
    downmix_error_db, downmix_correction_db : float
        Downmix SNR and level of the correction, measured by `DownmixMeter` on the upmix before
        that gain and before quantization.
    source : SourceReport or None
        Properties of the source; None if it is neither mono nor stereo.
    headphones : dict, optional
        HRTF, hash of its responses ("hrtf_digest"), largest magnitude ("peak"), gain of the peak
        guard ("gain_db"), and loudness in LUFS of the version for headphones ("loudness") and of
        the source ("source_loudness").
    tags : dict
        Keys that were written ("tags"), number of "pictures", keys "tags_left_out" because they
        describe the old audio, and "tag_notes" about those that the format cannot contain.
    levels : dict
        Loudness of the source ("source_loudness") and of the output ("loudness") in LUFS, true
        peak of the output ("true_peak_db", dBTP) and level of its surround and height channels
        relative to those in front ("surround_db"); empty if they are not measured.
    notes : list of str
        Sentences about a conversion of the sample rate, or a loudness that was not reached.
    cover : Path, optional
        Picture beside an output that cannot contain it.
    objects : tuple of str
        Names of beds and objects; empty for channels.
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
    headphones: dict[str, Any] | None = None
    tags: dict[str, Any] = field(default_factory=dict)
    levels: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    cover: Path | None = None
    objects: tuple[str, ...] = ()


def upmix_file(job: UpmixJob, progress: Callable[[float, float], Any] | None = None) -> UpmixedFile:
    """Upmix a file; memory is limited to a few blocks if the upmixer supports streaming.

    The upmixer is created by the first job of a process and reused by subsequent jobs.

    Parameters
    ----------
    job : UpmixJob
        The output is written by `spatialkit.write_stream`: completely or not at all, and scaled
        down if the peak exceeds the range of the encoding.
    progress : callable, optional
        Called with the seconds of audio that have been upmixed since the last call, and those of
        the whole file.

    Returns
    -------
    UpmixedFile

    Raises
    ------
    AudioFileError
        If a file cannot be read or written.
    LayoutError
        If the source contains another format than ``reading``.
    SignalError
        If the source contains NaN or infinity.
    UpmixerError
        If the upmixer is unknown, does not accept the number of channels, or raises an error.
    OptionError
        If the output format does not support the encoding.

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
    ...     result = upmix_file(job)
    >>> result.channels, result.samples, round(result.downmix_error_db)
    (12, 1323000, 6)
    """
    upmixer = kept_upmixer(job.upmixer, job.options)
    delivery = job.delivery
    mark = encoded_by(job.upmixer, option_values(upmixer))
    plan = TagPlan(delivery, job.source, job.output, mark)
    notes: list[str] = []
    with open_source(job, notes) as source:
        _require_accepted(upmixer, source, job.source)
        tracks = upmixer.as_objects() if job.objects else None
        form = upmixer.format if tracks is None else tracks.format
        meter = DownmixMeter.find(form, source.channels)
        room = job.setup.filter(source.sample_rate) if job.setup else None
        check = SourceCheck(source.sample_rate) if source.channels <= 2 else None
        measured = delivery.measure or delivery.loudness is not None
        levels = OutputMeter(form, source.channels, source.sample_rate) if measured else None
        found: dict[str, float] = {}
        encoding: dict[str, Any] = {"subtype": job.subtype, "overwrite": job.overwrite}
        with (
            write_stream(
                job.output,
                source.sample_rate,
                samples=source.samples,
                bit_rate=delivery.bit_rate,
                tags=plan.tags,
                peak_guard=True,
                rescale=delivery.rescales,
                **_content(tracks, form, job.output),
                **encoding,
            ) as target,
            write_headphones(job.output, source, form, job.headphones, **encoding) as headphones,
        ):
            originals = SampleQueue()  # input samples whose upmix is not complete

            def finish(upmix: NDArray[Any], original: NDArray[Any]) -> None:
                target.write(room.process(upmix) if room else upmix)
                if tracks is not None:
                    upmix = tracks.rendering.astype(upmix.dtype) @ upmix
                meter.add(upmix, original)
                if levels:
                    levels.add(upmix, original)
                if headphones:
                    headphones.write(upmix, original)

            # One block is read, one upmixed and one written at a time.
            with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
                pending: list[Future[None]] = []
                blocks = _read_ahead(checked_blocks(source, job.source, check), reader)
                opened = upmixer.stream if tracks is None else tracks.open
                for upmix in upmixed_blocks(
                    opened, blocks, source.sample_rate, job.source, originals
                ):
                    if upmix.shape[1] > len(originals):
                        raise UpmixerError(
                            f"{job.source}: the upmixer returned more samples than it received"
                        )
                    while pending:
                        pending.pop().result()
                    original = originals.take(upmix.shape[1])
                    if progress:
                        progress(upmix.shape[1] / source.sample_rate, source.duration)
                    pending.append(writer.submit(finish, upmix, original))
                pending.pop().result()
            if len(originals):
                raise UpmixerError(
                    f"{job.source}: the upmixer returned {len(originals)} samples too few"
                )
            if levels:
                found = levels.finish()
            if delivery.rescales:
                gain_db, sentences = delivery_gain(delivery, found)
                target.scale(gain_db)
                notes += sentences
    for name in ("loudness", "true_peak_db"):
        if found:
            found[name] += target.gain_db
    cover = plan.write_cover(overwrite=job.overwrite)
    return UpmixedFile(
        form.n_channels if tracks is None else tracks.tracks,
        source.samples,
        source.sample_rate,
        target.peak if room or tracks is not None else meter.peak,
        target.gain_db,
        target.subtype,
        meter.error_db,
        meter.correction_db,
        check.report() if check else None,
        headphones.facts() if headphones else None,
        plan.facts(),
        found,
        notes,
        cover,
        () if tracks is None else tuple(part.name for part in tracks.parts),
    )


def _content(tracks: ObjectUpmix | None, form: Format, output: str | Path) -> dict[str, Any]:
    """Return the arguments of `write_stream` that describe the content of the output."""
    if tracks is None:
        return {"format": form}
    content = tracks.content(Path(output).name.partition(".")[0])
    return {"channels": tracks.tracks, "adm": content}


@contextmanager
def open_source(job: UpmixJob, notes: list[str]) -> Iterator[AudioStream]:
    """Open the source, converted to a sample rate of the encoding if the delivery demands it."""
    with stream(job.source, **job.reading) as source:
        rate = source.sample_rate
        _require_rate(job, rate)
        fitting = fitting_rate(job.output, rate, job.subtype) if job.delivery.fit_rate else rate
        if fitting == rate:
            yield source
            return
    notes.append(f"converted from {rate} to {fitting} Hz, because the encoding has no {rate} Hz")
    with stream(job.source, **{**job.reading, "sample_rate": fitting}) as source:
        yield source


def _require_rate(job: UpmixJob, rate: int) -> None:
    accepted = job.delivery.sample_rates
    if accepted and rate not in accepted:
        rates = " or ".join(map(str, accepted))
        raise OptionError(
            f"{job.source} has a sample rate of {rate} Hz, accepted: {rates} Hz",
            python=f"; convert it with reading={{'sample_rate': {accepted[0]}}}",
            command_line=f"; add --sample-rate {accepted[0]}",
        )


def _require_accepted(upmixer: Upmixer, source: AudioStream, path: str | Path) -> None:
    if source.channels in upmixer.accepts:
        return
    channels = f"{source.channels} channel{'' if source.channels == 1 else 's'}"
    known = f" ({source.format.name})" if source.format else ""
    counts = " or ".join(map(str, upmixer.accepts))
    raise UpmixerError(f"{path} has {channels}{known}: upmixer {upmixer.name!r} accepts {counts}")


def checked_blocks(
    source: AudioStream, path: str | Path, check: SourceCheck | None
) -> Iterator[NDArray[Any]]:
    """Yield the blocks of a source after checking them; an empty block if there are none."""
    start = 0
    for block in source if source.samples else [np.zeros((source.channels, 0), np.float32)]:
        position = f" from sample {start} on" if start else ""
        require_finite(block, f"{path}{position}")
        start += block.shape[1]
        if check:
            check.update(block)
        yield block


def _read_ahead(blocks: Iterator[NDArray[Any]], reader: Executor) -> Iterator[NDArray[Any]]:
    """Yield blocks, while the reader produces the next one."""
    following = reader.submit(next, blocks, None)
    while (block := following.result()) is not None:
        following = reader.submit(next, blocks, None)
        yield block


def upmixed_blocks(
    opened: Callable[[int], TrackStream],
    blocks: Iterator[NDArray[Any]],
    sample_rate: int,
    path: str | Path,
    originals: SampleQueue,
) -> Iterator[NDArray[Any]]:
    """Yield the upmix of a source block by block, and append the source to ``originals``."""
    with _name_file_in_errors(path):
        stream = opened(sample_rate)
    for block in blocks:
        originals.append(block)
        with _name_file_in_errors(path):
            ready = stream.process(block)
        yield ready
    with _name_file_in_errors(path):
        rest = stream.flush()
    yield rest


@contextmanager
def _name_file_in_errors(path: str | Path) -> Iterator[None]:
    """Convert any exception of an upmixer to an `UpmixerError` that names the file."""
    try:
        with kept_folder():
            yield
    except Exception as error:
        raise UpmixerError(f"{path}: {error_message(error)}") from error


_cached: dict[Any, Upmixer] = {}
_cache_lock = threading.Lock()


def kept_upmixer(name: str, options: Mapping[str, Any]) -> Upmixer:
    """Return a cached upmixer, so that a model is not loaded again for each file.

    Only the last upmixer is cached. Threads may share it, because streams hold the state.
    """
    # The key contains the factory, because a name may be registered again.
    key = name, load_upmixer(name), tuple(sorted(options.items(), key=lambda item: item[0]))
    try:
        hash(key)
    except TypeError:  # not a valid option value: get_upmixer raises an error with its name
        return get_upmixer(name, **options)
    with _cache_lock:
        if key not in _cached:
            upmixer = get_upmixer(name, **options)
            _cached.clear()
            _cached[key] = upmixer
        return _cached[key]
