"""Reports: one HTML file with pictures, measurements and sound."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from spatialkit._version import __version__
from spatialkit.audio import Audio
from spatialkit.binaural import read_hrtf
from spatialkit.errors import AudioFileError, LayoutError, ShapeError
from spatialkit.files import read, resample
from spatialkit.layouts import AmbisonicFormat, Format, Layout, get_format
from spatialkit.metrics import loudness
from spatialkit.rendering import render
from spatialkit.report.advice import advice
from spatialkit.report.carriers import Carrier, encode_pairs
from spatialkit.report.chain import RATE, Chain, carried_format, design_chain
from spatialkit.report.measures import (
    ChannelMeasure,
    Measure,
    channel_measures,
    measure,
    pair_correlations,
)
from spatialkit.report.page import report_page
from spatialkit.storage import replace_file
from spatialkit.typing import StrPath
from spatialkit.validation import as_choice, as_count, as_number, as_path, require_finite

__all__ = ["Report", "write_report"]

# Longest excerpt in seconds: browsers hold the decoded channels in memory.
MAX_EXCERPT = 300.0
# Lengths of original and audio may differ by this many seconds.
MAX_DIFFERENCE = 0.1
HASH_BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class Report:
    """Content of a report, as `write_report` returns it."""

    path: Path
    """File that was written."""
    size: int
    """Size of the file in bytes."""
    start: float
    """Start of the excerpt in seconds."""
    duration: float
    """Length of the excerpt in seconds."""
    measures: tuple[Measure, ...]
    """Measurements of the whole audio."""
    channels: tuple[ChannelMeasure, ...]
    """Levels of the channels."""
    correlations: Mapping[str, float] = field(default_factory=dict)
    """Correlation of mirror pairs of loudspeakers, by their labels."""
    advice: tuple[str, ...] = ()
    """One sentence per unusual value."""


@dataclass(frozen=True, eq=False)
class Source:
    """Audio of a report with its origin."""

    samples: NDArray[Any]
    rate: int
    form: Format
    name: str
    checksum: str


def write_report(
    path: StrPath,
    audio: StrPath | Audio[Any],
    *,
    original: StrPath | Audio[Any] | None = None,
    format: str | Format | None = None,
    title: str | None = None,
    settings: Mapping[str, Any] | None = None,
    excerpt: float = 30.0,
    start: float | None = None,
    order: int = 3,
    hrtf: Any = "ku100",
    carrier: Carrier = "opus",
    gain_db: float = 0.0,
    overwrite: bool = False,
) -> Report:
    """Write a report that can be heard: one HTML file that opens from disk, without network.

    It plays an excerpt on headphones, with rotation of the head, solo and mute of each channel, and
    the original in sync at the same loudness; and shows levels, spectrograms, the energy by
    direction, measurements, and advice where a value is unusual.

    Parameters
    ----------
    path : str or path
        Output, with the extension .html.
    audio : str, path or Audio
        Audio in a known format, of at most 32 channels (Ambisonics: of any order).
    original : str, path or Audio, optional
        Mono or stereo audio of which ``audio`` is an upmix, or another mix in a known format, of
        the same length.
    format : str, Layout or AmbisonicFormat, optional
        Format of ``audio`` if it is a file that does not specify it.
    title : str, optional
        Title; by default the name of the file.
    settings : mapping, optional
        Settings with which the audio was made, which are listed.
    excerpt : float
        Seconds that can be heard, 1 to 300.
    start : float, optional
        Start of the excerpt in seconds; by default the loudest part.
    order : int
        Ambisonic order of the version for headphones, 1 to 7. Higher orders are sharper, and take
        more of the browser's time.
    hrtf : str, path or HRTF
        As in `spatialkit.read_hrtf`.
    carrier : {"opus", "flac"}
        Encoding of the excerpt in the page: "flac" is lossless and about eight times as large.
    gain_db : float
        Gain of ``audio`` relative to the upmix of ``original``, -200 to 200, such as that of a peak
        guard: it is undone before both are compared.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    Report

    Raises
    ------
    AudioFileError
        If a file cannot be read, or the report exists or cannot be written.
    LayoutError
        If a format is unknown, or has more than 32 channels.
    ShapeError, SignalError, OptionError
        If the lengths of both differ by more than 0.1 s, audio is empty or not finite, or another
        argument is not accepted.

    Examples
    --------
    >>> import tempfile
    >>> noise = np.random.default_rng(0).standard_normal((6, 48000)) * 0.1
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = write_report(f"{folder}/report.html", Audio(noise, 48000, "5.1"))
    >>> report.advice, report.duration
    ((), 1.0)
    """
    target = as_path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise AudioFileError(
            f"unsupported output extension {target.suffix!r} of a report; use .html"
        )
    excerpt = as_number(excerpt, "excerpt", minimum=1.0, maximum=MAX_EXCERPT, unit="s")
    order = as_count(order, "order", minimum=1, maximum=7)
    carrier = as_choice(carrier, "carrier", get_args(Carrier))
    gain_db = as_number(gain_db, "gain_db", minimum=-200.0, maximum=200.0, unit="dB")
    if target.exists() and not overwrite:
        raise AudioFileError(
            f"{target} exists",
            python="; pass overwrite=True to replace it",
            command_line=": add --force to replace it",
        )
    source = _source(audio, format, "audio")
    other = None if original is None else _source(original, None, "original")
    heads, carried = read_hrtf(hrtf), carried_format(source.form, order)
    if other is not None:
        _require_equal_lengths(source, other)
    begin, length = _excerpt(source, excerpt, start)
    played = _part(source, begin, length)[: carried.n_channels]
    compared = None if other is None else _heard_original(other, _part(other, begin, length))
    # Encoding takes longer than everything else together, and leaves the interpreter free.
    with ThreadPoolExecutor(2) as pool:
        versions = [each for each in (played, compared) if each is not None]
        encoded = [pool.submit(encode_pairs, each, carrier) for each in versions]
        chain = design_chain(source.form, order, heads)
        ears = chain.to_ears(played)
        found = _measured(source, other, ears, 10.0 ** (gain_db / 20.0))
        levels = channel_measures(source.samples, source.form)
        correlations = pair_correlations(source.samples, source.form)
        sentences = advice(found, levels, correlations)
        page = report_page(
            title=title or source.name,
            chain=chain,
            played=played,
            original=compared,
            start=begin,
            gains=_matched_gains(chain, played, ears, compared),
            carried=lambda: [each.result() for each in encoded],
            carrier=carrier,
            measures=found,
            channels=levels,
            correlations=correlations,
            advice=sentences,
            facts=_facts(source, other, settings, begin, length, chain),
        )
    replace_file(target, page, error=AudioFileError)
    return Report(
        target, len(page), begin, length, tuple(found), tuple(levels), correlations,
        tuple(sentences),
    )  # fmt: skip


def _source(audio: StrPath | Audio[Any], form: str | Format | None, name: str) -> Source:
    """Return audio of a known format, with its name and checksum."""
    checksum, title = "", name
    if not isinstance(audio, Audio):
        file = as_path(audio)
        checksum, title = "", file.name
        audio = read(file, format=None if form is None else get_format(form))
        checksum = _checksum(file)
    elif form is not None and audio.format is None:
        audio = Audio(audio.samples, audio.sample_rate, get_format(form))
    samples = np.atleast_2d(np.asarray(audio.samples))
    if samples.ndim != 2 or not samples.size:
        raise ShapeError(
            f"{name} must be one item with at least one sample, (channels, samples), got shape "
            f"{samples.shape}"
        )
    require_finite(samples, title)
    where = audio.format
    if where is None and len(samples) <= 2:
        where = get_format("mono" if len(samples) == 1 else "stereo")
    if where is None:
        raise LayoutError(
            f"{title} does not specify the format of its {len(samples)} channels",
            python="; pass an Audio with a format",
            command_line=": add --from",
        )
    if not checksum:
        checksum = hashlib.sha256(np.ascontiguousarray(samples).tobytes()).hexdigest()
    return Source(samples, audio.sample_rate, where, title, checksum)


def _checksum(file: Path) -> str:
    found = hashlib.sha256()
    with open(file, "rb") as content:
        while block := content.read(HASH_BLOCK):
            found.update(block)
    return found.hexdigest()


def _require_equal_lengths(source: Source, other: Source) -> None:
    seconds = [each.samples.shape[1] / each.rate for each in (source, other)]
    if abs(seconds[0] - seconds[1]) > MAX_DIFFERENCE:
        raise ShapeError(
            f"original must be as long as the audio: {source.name} has {seconds[0]:.2f} s, "
            f"{other.name} has {seconds[1]:.2f} s"
        )


def _excerpt(source: Source, excerpt: float, start: float | None) -> tuple[float, float]:
    """Return start and length of the excerpt in seconds; by default of the loudest part."""
    duration = source.samples.shape[1] / source.rate
    length = min(excerpt, duration)
    if start is not None:
        latest = max(duration - 1.0, 0.0)
        begin = as_number(start, "start", minimum=0.0, maximum=latest, unit="s")
        return begin, min(length, duration - begin)
    if length == duration:
        return 0.0, duration
    seconds = np.arange(0, source.samples.shape[1], source.rate)
    energy = np.zeros(len(seconds))
    for channel in source.samples:
        energy += np.add.reduceat(np.square(channel, dtype=np.float64), seconds)
    sums = np.convolve(energy, np.ones(int(length)), "valid")
    return float(min(float(np.argmax(sums)), duration - length)), length


def _part(source: Source, begin: float, length: float) -> NDArray[Any]:
    """Return an excerpt at 48 kHz."""
    first = round(begin * source.rate)
    part = source.samples[:, first : first + round(length * source.rate)]
    part = part.astype(np.float32, copy=False)
    wanted = round(length * RATE)
    part = part if source.rate == RATE else resample(part, source.rate, RATE)
    missing = wanted - part.shape[1]
    return part[:, :wanted] if missing <= 0 else np.pad(part, ((0, 0), (0, missing)))


def _heard_original(other: Source, part: NDArray[Any]) -> NDArray[Any]:
    """Return the original as two channels: as it is, or rendered for headphones."""
    if len(part) == 2 and isinstance(other.form, Layout):
        return part
    if len(part) == 1:
        return np.repeat(part, 2, axis=0)
    return render(part, other.form, "binaural", sample_rate=RATE)


def _matched_gains(
    chain: Chain, played: NDArray[Any], ears: NDArray[Any], original: NDArray[Any] | None
) -> dict[str, float]:
    """Return gains by which headphones, stereo and original are equally loud, none above 1."""
    versions = {"headphones": ears, "stereo": chain.stereo.astype(played.dtype) @ played}
    versions |= {} if original is None else {"original": original}
    levels = {name: float(loudness(each, None, RATE)) for name, each in versions.items()}
    finite = [level for level in levels.values() if np.isfinite(level)]
    lowest = min(finite, default=0.0)
    gains = {
        name: 10.0 ** ((lowest - level) / 20.0) if np.isfinite(level) else 1.0
        for name, level in levels.items()
    }
    peak = max(float(np.abs(each).max()) * gains[name] for name, each in versions.items())
    return {name: gain / max(peak, 1.0) for name, gain in gains.items()}


def _measured(
    source: Source, other: Source | None, ears: NDArray[Any], gain: float
) -> list[Measure]:
    original = None
    if other is not None and len(other.samples) <= 2 and isinstance(other.form, Layout):
        original = other.samples
        if other.rate != source.rate:
            original = resample(original, other.rate, source.rate)
    return measure(source.samples, source.form, source.rate, original, ears, RATE, gain)


def _facts(
    source: Source,
    other: Source | None,
    settings: Mapping[str, Any] | None,
    begin: float,
    length: float,
    chain: Chain,
) -> dict[str, dict[str, str]]:
    """Return settings, files and versions by group, as text."""
    files = {"audio": f"{source.name}, {source.form.name}, {source.rate} Hz, "
             f"{source.samples.shape[1] / source.rate:.2f} s",
             "SHA-256 of the audio": source.checksum}  # fmt: skip
    if other is not None:
        files["original"] = f"{other.name}, {other.form.name}, {other.rate} Hz"
        files["SHA-256 of the original"] = other.checksum
    playback = {
        "excerpt": f"{begin:.1f} to {begin + length:.1f} s",
        "headphones": f"Ambisonics of order {chain.order}, HRTF {chain.hrtf.name!r} "
        f"({chain.hrtf.licence})",
    }
    if isinstance(source.form, AmbisonicFormat) and source.form.order > chain.order:
        playback["harmonics"] = f"orders 0 to {chain.order} of {source.form.order}"
    if isinstance(source.form, Layout) and source.form.is_lfe.any():
        playback["LFE"] = "left out on headphones and in the downmix"
    versions = {
        "spatialkit": __version__,
        "NumPy": np.__version__,
        "Python": platform.python_version(),
    }
    made = {str(name): str(value) for name, value in (settings or {}).items()}
    groups = {"Settings": made, "Files": files, "Playback": playback, "Versions": versions}
    return {name: group for name, group in groups.items() if group}
