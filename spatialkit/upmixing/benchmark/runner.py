"""Benchmark runner: upmixes scenes with known components and aggregates the measures.

Stems are panned in stereo, partly with synthetic reverberation, so that directions, direct sound
and ambience are known. Directions are evaluated relative to the stereo image, which extends to 30
degrees on the left and right. The first and last 8192 samples of each scene are not measured, as
the compensation of the delay of an upmixer shortens the signal.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.downmix import correction_size
from spatialkit.errors import (
    LayoutError,
    OptionError,
    SpatialkitError,
    UpmixerError,
    error_message,
)
from spatialkit.layouts import Layout, get_format, get_layout
from spatialkit.metrics import angle_error, downmix_error, loudness
from spatialkit.plugins import describe_options, parse_options
from spatialkit.upmixing.benchmark import ffmpeg, measures
from spatialkit.upmixing.benchmark.components import (
    cross_spectra,
    octave_correlation,
    separate_components,
)
from spatialkit.upmixing.benchmark.defaults import SECONDS, SEED
from spatialkit.upmixing.benchmark.report import (
    KNOWN,
    MEASURES,
    BenchmarkRow,
    Pool,
    UpmixBenchmark,
)
from spatialkit.upmixing.benchmark.scenes import (
    MARGIN,
    Scene,
    find_songs,
    noise_scene,
    read_song,
    song_scenes,
)
from spatialkit.upmixing.registry import describe_upmixers, get_upmixer, load_upmixer, upmixer_names
from spatialkit.validation import as_count, as_number, unknown_name

__all__ = ["BenchmarkRow", "UpmixBenchmark", "benchmark_upmixers"]

FFMPEG = "ffmpeg"
# Duration of an upmix before the timing starts, which compiles loops and loads models.
WARM_UP = 0.5
# Kinds of scenes that are also upmixed with left and right exchanged.
EXCHANGED = ("noise", "song")


def benchmark_upmixers(
    names: Sequence[str] | None = None,
    *,
    layout: str | Layout = "5.1",
    stems: str | os.PathLike[str] | None = None,
    seconds: float = SECONDS,
    seed: int = SEED,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> UpmixBenchmark:
    """Measure upmixers on scenes whose direct sound, directions and ambience are known.

    Each song gives three scenes with stems panned in stereo, the same with reverberation (-8 dB),
    one that is nearly mono (stems within 3 degrees, reverberation at -24 dB), and the original
    mix. Another scene is stationary noise. The measures are defined in their ``help`` in the JSON
    and below the table.

    Parameters
    ----------
    names : sequence of str, optional
        Names from `upmixer_names`, perhaps with options as text, such as
        "foa-residual:decoder=dirac,level=1"; or "ffmpeg" for the ``surround`` filter of an
        installed ffmpeg.
        By default the built-in upmixers without models whose default output is a loudspeaker
        layout, and ffmpeg if it is installed and supports the layout.
    layout : str or Layout
        Output layout. An upmixer with a fixed layout is measured with that layout.
    stems : str or path, optional
        Directory of a song with vocals, drums, bass and other as .wav, .flac or .ogg, or a
        directory of such directories. By default the bundled song.
    seconds : float
        Maximum duration of each song, at least 2: the excerpt in which all stems are active.
    seed : int
        Random seed of directions, reverberation and noise, at least 0.
    options : mapping of str to mapping, optional
        Options by entry of ``names``, such as ``{"matrix": {"width": 20.0}}``.

    Returns
    -------
    UpmixBenchmark
        The row of an upmixer that fails contains the error; the others are still measured.

    Raises
    ------
    UpmixerError, LayoutError, OptionError
        If a name, the layout or an option is unknown or not accepted.
    AudioFileError
        If the stems do not exist or cannot be read.

    Examples
    --------
    >>> results = benchmark_upmixers(["matrix"], seconds=2.0)
    >>> round(results.rows[0].measures["musical_noise"], 1) + 0.0
    0.0
    """
    target = get_layout(layout)
    length = as_number(seconds, "seconds", minimum=2.0, unit="s")
    as_count(seed, "seed", minimum=0)
    songs = find_songs(stems)
    systems, failed, notes = _systems(names, target, dict(options or {}))
    for scene in _scenes(songs, length, seed):
        for system in systems:
            system.run(scene)
    by_name = {row.name: row for row in (*(system.row() for system in systems), *failed)}
    rows = tuple(by_name[name] for name in _chosen(names) if name in by_name)
    return UpmixBenchmark(target.name, length, int(seed), tuple(songs), rows, tuple(notes))


def _scenes(songs: Mapping[str, Any], seconds: float, seed: int) -> Iterator[Scene]:
    """Yield all scenes; the noise is first, as it gives the best estimate of the lag."""
    yield noise_scene(seed)
    for name, files in songs.items():
        yield from song_scenes(read_song(name, files, seconds), seed)


def _chosen(names: Sequence[str] | None) -> list[str]:
    if names is not None:
        return list(dict.fromkeys(names))
    core = (
        found.name
        for found in describe_upmixers()
        if found.origin.startswith("spatialkit.") and not found.problem
        if isinstance(get_format(found.format), Layout)
    )
    return [*core, FFMPEG]


def _systems(
    names: Sequence[str] | None, layout: Layout, options: dict[str, Mapping[str, Any]]
) -> tuple[list[_System], list[BenchmarkRow], list[str]]:
    """Return the systems to measure, rows of those that failed, and notes."""
    chosen = _chosen(names)
    known = (*upmixer_names(), FFMPEG)
    for name in (*chosen, *options):
        plain = name.partition(":")[0]
        if plain not in known or (plain == FFMPEG and name != FFMPEG):
            raise UpmixerError(unknown_name("upmixer", name, known))
    systems, failed, notes = [], [], []
    for name in chosen:
        try:
            if name == FFMPEG:
                systems.append(_ffmpeg_system(layout))
            else:
                systems.append(_registered_system(name, layout, options.get(name, {})))
        except _NotAvailable as reason:
            notes.append(str(reason))
        except OptionError:
            raise
        except SpatialkitError as error:
            failed.append(BenchmarkRow(name, layout.name, "", error=str(error)))
    return systems, failed, notes


class _NotAvailable(Exception):
    """An optional program is not installed or does not support the layout."""


def _ffmpeg_system(layout: Layout) -> _System:
    version = ffmpeg.ffmpeg_version()
    if not version:
        raise _NotAvailable("ffmpeg is not installed; its surround filter was not measured.")
    if not ffmpeg.is_supported(layout):
        raise _NotAvailable(f"The surround filter of ffmpeg does not support {layout.name}.")

    def upmix(stereo: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        return ffmpeg.surround(stereo, sample_rate, layout)

    return _System(FFMPEG, version, layout, upmix)


def _registered_system(title: str, layout: Layout, options: Mapping[str, Any]) -> _System:
    name, _, text = title.partition(":")
    upmixer_class = load_upmixer(name)
    declared = {option.name for option in describe_options(upmixer_class)}
    settings = {"layout": layout} if "layout" in declared else {}
    settings |= {**parse_options(upmixer_class, _texts(title, text)), **options}
    upmixer = get_upmixer(name, **settings)
    if not isinstance(upmixer.format, Layout):
        raise LayoutError(
            f"output format is {upmixer.format.name}; only loudspeaker layouts can be measured"
        )
    origin = {found.name: found.origin for found in describe_upmixers()}[name]
    raw = None
    if getattr(upmixer.options, "exact_downmix", False):
        raw = get_upmixer(name, **{**settings, "exact_downmix": False}).upmix
    return _System(title, origin, upmixer.format, upmixer.upmix, raw)


def _texts(title: str, text: str) -> dict[str, str]:
    """Return options of "NAME:KEY=VALUE,KEY=VALUE" by name; values may contain commas."""
    texts: dict[str, str] = {}
    for part in re.split(r",(?=[^,=]*=)", text) if text else ():
        key, equals, value = part.partition("=")
        if not (key and equals):
            raise OptionError(
                f"options must follow the name of an upmixer as NAME:KEY=VALUE, got {title!r}"
            )
        texts[key.strip()] = value
    return texts


Upmix = Callable[[NDArray[Any], int], NDArray[Any]]


class _System:
    """Upmixer under test, with the results of the scenes so far."""

    def __init__(
        self, name: str, origin: str, layout: Layout, upmix: Upmix, uncorrected: Upmix | None = None
    ) -> None:
        self.name, self.origin, self.layout = name, origin, layout
        self.upmix, self.uncorrected = upmix, uncorrected
        self.lag: int | None = None
        self.error = ""
        self.scenes: dict[str, dict[str, float]] = {}
        self.kinds: dict[str, str] = {}
        self.audio_seconds = self.elapsed_seconds = 0.0

    def run(self, scene: Scene) -> None:
        """Upmix and measure one scene, unless an earlier one failed."""
        if self.error:
            return
        try:
            if self.lag is None:
                self.upmix(scene.stereo[:, : round(WARM_UP * scene.sample_rate)], scene.sample_rate)
            started = time.perf_counter()
            upmix = self.upmix(scene.stereo, scene.sample_rate)
            self.elapsed_seconds += time.perf_counter() - started
            self.audio_seconds += scene.stereo.shape[1] / scene.sample_rate
            if self.lag is None:
                self.lag = measures.find_lag(upmix, scene.stereo)
            upmix = _aligned(upmix, self.lag, scene)
            values = score(upmix, scene, self.layout)
            if scene.kind in EXCHANGED:
                mirrored = self.upmix(scene.stereo[::-1].copy(), scene.sample_rate)
                mirrored = _aligned(mirrored, self.lag, scene)
                values["own_imbalance"] = measures.own_imbalance(
                    upmix, mirrored, self.layout, scene.sample_rate
                )
            if self.uncorrected and "correction" in values:
                raw = self.uncorrected(scene.stereo, scene.sample_rate)
                stereo = _measured(scene.stereo)
                raw = _aligned(raw, self.lag, scene)
                values["correction"] = float(correction_size(raw, stereo, self.layout))
        except Exception as error:  # a failing plug-in must not stop the others
            self.error = f"{scene.name}: {error_message(error)}"
            return
        self.scenes[scene.name], self.kinds[scene.name] = values, scene.kind

    def row(self) -> BenchmarkRow:
        if self.error:
            return BenchmarkRow(self.name, self.layout.name, self.origin, error=self.error)
        pooled = {
            measure.name: pool(
                (values.get(measure.name, np.nan) for values in self.scenes.values()), measure.pool
            )
            for measure in MEASURES
        }
        speed = self.audio_seconds / self.elapsed_seconds
        lag = self.lag or 0
        return BenchmarkRow(
            self.name, self.layout.name, self.origin, pooled, self.scenes, lag, speed
        )


def score(upmix: NDArray[Any], scene: Scene, layout: Layout) -> dict[str, float]:
    """Calculate all measures that apply to a scene; ``upmix`` does not contain the margins."""
    stereo = _measured(scene.stereo)
    scores: dict[str, float] = {}
    try:
        scores["downmix_error"] = float(downmix_error(upmix, stereo, layout))
        scores["correction"] = float(correction_size(upmix, stereo, layout))
    except LayoutError:  # no downmix is defined for this layout
        pass
    feeds = upmix[layout.loudspeakers]
    if scene.kind == "noise":
        scores["musical_noise"] = measures.log_kurtosis_ratio(feeds, stereo)
        return scores | {"level_error": measures.level_error(feeds, stereo, scene.sample_rate)}
    rate = scene.sample_rate
    with np.errstate(invalid="ignore"):  # -inf minus -inf for silence
        change = loudness(upmix, layout, rate) - loudness(stereo, "stereo", rate)
    scores["level_change"] = float(change)
    scores["level_pumping"] = measures.level_pumping(feeds, stereo, rate)
    if scene.kind == "song":
        scores["gating_depth"] = measures.gating_depth(feeds, stereo, rate)
    front, surround, height = measures.region_energies(upmix, layout)
    if scene.kind == "near-mono":
        scores["near_mono_surround_level"] = measures.ratio_db(surround, front)
    if scene.kind in KNOWN:
        scores |= _score_components(upmix, scene, layout)
    if scene.kind == "room":
        scores["surround_level"] = measures.ratio_db(surround, front)
        scores["height_level"] = measures.ratio_db(height, front)
    return scores


def _score_components(upmix: NDArray[Any], scene: Scene, layout: Layout) -> dict[str, float]:
    """Calculate the measures of "dry" and "room" scenes that need the stems and the ambience."""
    stems, ambience = _measured(scene.stems), _measured(scene.ambience)
    errors = angle_error(stems, upmix, scene.azimuth, layout)
    scores = {"direction_error": _mean(errors)}
    signals = np.concatenate([stems, ambience, upmix])
    spectra = cross_spectra(signals, scene.sample_rate)
    components = separate_components(spectra, len(stems), len(ambience))
    front, surround = measures.regions(layout)
    direct, moved = components.direct[surround].sum(), components.ambience[surround].sum()
    if surround.size:
        scores["leakage"] = measures.ratio_db(direct, components.direct[front].sum())
    if surround.size and len(ambience):
        total = direct + moved + components.residual[surround].sum()
        scores["ambience_share"] = float(moved / total) if total else np.nan
        scores["ambience_moved"] = measures.ratio_db(moved, components.reference_ambience)
        offset = len(stems) + len(ambience)
        scores["surround_correlation"] = octave_correlation(spectra, surround + offset)
    return scores


def pool(values: Iterable[float], rule: Pool) -> float:
    """Aggregate the values of all scenes without NaN by a rule of `Pool`."""
    found = np.array([value for value in values if not np.isnan(value)])
    if not found.size:
        return np.nan
    if rule == "minimum":
        return float(found.min())
    if rule == "maximum":
        return float(found.max())
    if rule == "energy":
        mean = np.mean(10.0 ** (found / 10.0))
        return float(10.0 * np.log10(mean)) if mean > 0.0 else -np.inf
    return float(found.mean())


def _mean(values: NDArray[np.float64]) -> float:
    return pool(values.tolist(), "mean")


def _measured(signal: NDArray[Any]) -> NDArray[Any]:
    return signal[:, MARGIN:-MARGIN]


def _aligned(upmix: NDArray[Any], lag: int, scene: Scene) -> NDArray[Any]:
    """Return an upmix without margins, after compensation of a delay of ``lag`` samples."""
    return upmix[:, MARGIN + lag : scene.stereo.shape[1] - MARGIN + lag]
