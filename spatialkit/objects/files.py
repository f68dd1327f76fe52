"""ADM files of objects and beds: writing of scenes, and reading with all parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import Audio
from spatialkit.errors import AudioFileError, OptionError
from spatialkit.files import Dither, SampleType, Subtype, info, read, write_stream
from spatialkit.files.adm import AdmContent, AdmPart, Blocks, DescribedPart
from spatialkit.layouts import Layout, layout_of_labels
from spatialkit.objects.scene import AudioObject, ObjectScene
from spatialkit.typing import StrPath
from spatialkit.validation import as_path

__all__ = ["read_adm", "write_adm"]

# Samples of each track that are joined and written at a time.
BLOCK_SIZE = 65536


def write_adm(
    path: StrPath,
    scene: ObjectScene | None = None,
    sample_rate: float | None = None,
    *,
    beds: Sequence[Audio[Any]] = (),
    objects: Sequence[AudioObject] = (),
    name: str = "",
    subtype: Subtype | None = None,
    dither: Dither | None = None,
    seed: int = 0,
    peak_guard: bool = False,
    overwrite: bool = False,
) -> None:
    """Write beds and objects to a WAV file with ADM metadata (ADM BWF; BW64 above 4 GiB).

    The metadata follows ITU-R BS.2076-2 and the common definitions of BS.2094: a programme with one
    content, an audioObject per bed, whose tracks come first, and one per object. Times are rounded
    to 10 us.

    Parameters
    ----------
    path : str or path
        Path with the extension .wav.
    scene : ObjectScene, optional
        Beds and objects; instead of ``sample_rate``, ``beds``, ``objects`` and ``name``.
    sample_rate : int, optional
        Hz; by default that of the beds.
    beds : sequence of Audio
        Loudspeaker layouts and Ambisonics, each with its format.
    objects : sequence of AudioObject
    name : str
        Name of the programme; by default that of the file.
    subtype : {"PCM_24", "PCM_16"}, optional
        Encoding, "PCM_24" by default.
    dither, seed, peak_guard, overwrite
        As for `spatialkit.write`.

    Raises
    ------
    AudioFileError, SignalError, OptionError, ShapeError
        As for `spatialkit.write`, and as for `ObjectScene`.

    Warns
    -----
    SpatialkitWarning
        If the peak guard scaled the samples.

    Examples
    --------
    >>> import tempfile
    >>> from spatialkit.objects import AudioObject, write_adm
    >>> from spatialkit.trajectory import Trajectory
    >>> voice = AudioObject(np.zeros(48000), Trajectory([0.0, 1.0], [30.0, -30.0]), name="voice")
    >>> bed = Audio(np.zeros((6, 48000)), 48000, "5.1")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_adm(f"{folder}/song.adm.wav", beds=[bed], objects=[voice])
    ...     read_adm(f"{folder}/song.adm.wav")
    ObjectScene(48000 samples at 48000 Hz; beds: '0+5+0'; objects: 'voice')
    """
    path = as_path(path)
    if scene is None:
        if sample_rate is None:
            if not beds:
                raise OptionError("sample_rate is missing; specify it in Hz")
            sample_rate = beds[0].sample_rate
        scene = ObjectScene(sample_rate, tuple(beds), tuple(objects), name)  # type: ignore[arg-type]
    elif beds or objects or name or sample_rate is not None:
        raise OptionError("scene and its parts are mutually exclusive: pass one of them")
    parts = [DescribedPart(bed.format.name, bed.format) for bed in scene.beds if bed.format]
    parts += [DescribedPart(each.name, blocks=each.blocks) for each in scene.objects]
    content = AdmContent(scene.name or path.name.partition(".")[0], tuple(parts))
    signals = [bed.samples for bed in scene.beds]
    signals += [each.samples[None] for each in scene.objects]
    with write_stream(
        path,
        scene.sample_rate,
        channels=content.channels,
        samples=scene.samples,
        subtype=subtype,
        dither=dither,
        seed=seed,
        peak_guard=peak_guard,
        adm=content,
        overwrite=overwrite,
    ) as writer:
        for start in range(0, scene.samples, BLOCK_SIZE):
            writer.write(
                np.concatenate([signal[:, start : start + BLOCK_SIZE] for signal in signals])
            )


def read_adm(path: StrPath, *, dtype: SampleType = "float32") -> ObjectScene:
    """Read a WAV or BW64 file with ADM metadata as beds and objects.

    Parameters
    ----------
    path : str or path
    dtype : {"float32", "float64"}
        Data type of the samples.

    Returns
    -------
    ObjectScene
        Beds, Ambisonics and objects of the first programme. Gains, starts and durations of its
        audioObjects are applied.

    Raises
    ------
    AudioFileError
        If the file cannot be read or has no ADM metadata, or if a part has a property that is not
        supported: it is named. Supported of ITU-R BS.2127 are positions (polar, and Cartesian ones
        by their conversion to polar), gain, extent, and blocks with interpolation.

    Notes
    -----
    `spatialkit.info` describes all parts, also those that are not supported.
    """
    path = as_path(path)
    found = info(path)
    if found.adm is None:
        raise AudioFileError(
            f"{path} has no ADM metadata that is valid and has at most 32 MiB",
            python="; read it with read",
            command_line="",
        )
    for part in found.adm.parts:
        if part.unsupported:
            raise AudioFileError(
                f"{path}: {part.name!r} has properties of ADM that are not supported: "
                f"{', '.join(part.unsupported)}"
            )
        if max(part.tracks) > found.channels:
            raise AudioFileError(
                f"{path}: {part.name!r} has track {max(part.tracks)} of ADM, but the file has "
                f"{found.channels}"
            )
    if not found.adm.parts:
        raise AudioFileError(f"{path} has an ADM programme without audio")
    # A layout that the file cannot have: its channels stay in the order of its tracks.
    raw = Layout.from_directions(np.arange(found.channels) * 360.0 / found.channels, name="tracks")
    audio = read(path, format=raw, force_format=True, dtype=dtype)
    beds: list[Audio[Any]] = []
    objects: list[AudioObject] = []
    loose: list[tuple[str, NDArray[Any]]] = []
    for part in found.adm.parts:
        tracks = audio.samples[[number - 1 for number in part.tracks]]
        if part.kind == "Objects":
            objects += _objects(part, tracks)
            continue
        bed = _bounded(tracks, part, audio.sample_rate)
        if part.format is not None and len(tracks) > 1:
            beds.append(Audio(bed, audio.sample_rate, part.format))
        else:
            loose += zip(part.labels, bed, strict=True)
    beds += _joined(path, loose, audio.sample_rate)
    return ObjectScene(audio.sample_rate, tuple(beds), tuple(objects), found.adm.programme)


def _objects(part: AdmPart, tracks: NDArray[Any]) -> Iterator[AudioObject]:
    """Yield the objects of a part."""
    for number, (track, blocks) in enumerate(zip(tracks, part.blocks, strict=True), 1):
        name = part.name if len(tracks) == 1 else f"{part.name} {number}"
        yield AudioObject(track, _placed(blocks, part), name)


def _joined(
    path: Path, loose: Sequence[tuple[str, NDArray[Any]]], sample_rate: int
) -> Iterator[Audio[Any]]:
    """Yield a bed of loudspeakers that are parts of their own; tracks of a label are added."""
    channels: dict[str, NDArray[Any]] = {}
    for label, samples in loose:
        channels[label] = channels[label] + samples if label in channels else samples
    if not channels:
        return
    labels = list(channels)
    found = None if all(label.startswith("LFE") for label in labels) else layout_of_labels(labels)
    if found is None:
        raise AudioFileError(
            f"{path} has loudspeakers of ADM that form no layout: {', '.join(labels)[:200]}"
        )
    layout, order = found
    yield Audio(np.stack([channels[labels[place]] for place in order]), sample_rate, layout)


def _bounded(tracks: NDArray[Any], part: AdmPart, sample_rate: int) -> NDArray[Any]:
    """Return a bed with the gain of its audioObject, silent outside of its time."""
    start = min(round(part.start * sample_rate), tracks.shape[1])
    # Durations are rounded up to 10 us: the last sample belongs to it.
    stop = tracks.shape[1]
    if np.isfinite(part.duration):
        stop = min(int(np.ceil((part.start + part.duration) * sample_rate - 0.5)), stop)
    if (start, stop, part.gain) == (0, tracks.shape[1], 1.0):
        return tracks
    bounded = np.zeros_like(tracks)
    bounded[:, start:stop] = part.gain * tracks[:, start:stop]
    return bounded


def _placed(blocks: Blocks, part: AdmPart) -> Blocks:
    """Return the blocks of an object in the time of the file, with the gain of its audioObject."""
    end = part.start + part.duration
    start = np.minimum(blocks.start + part.start, end)
    return Blocks(
        azimuth=blocks.azimuth,
        elevation=blocks.elevation,
        distance=blocks.distance,
        gain=blocks.gain * part.gain,
        width=blocks.width,
        height=blocks.height,
        depth=blocks.depth,
        start=start,
        stop=np.maximum(np.minimum(blocks.stop + part.start, end), start),
        interpolation=blocks.interpolation,
    )
