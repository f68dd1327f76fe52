"""The benchmark of upmixers: what becomes of scenes whose parts are known.

Stems are panned in stereo, some in a synthetic room, so that the directions, the direct sound
and the ambience are known. All upmixers are judged against the directions of the stereo image,
whose sides are 30 degrees from the middle. The first and last 8192 samples of every scene are not
measured, for any of them: an upmixer that is late is aligned first, and loses its tail there.
"""

from __future__ import annotations

import os
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
from spatialkit.upmixing.benchmark import ffmpeg, measures
from spatialkit.upmixing.benchmark.report import KNOWN, MEASURES, BenchmarkRow, UpmixBenchmark
from spatialkit.upmixing.benchmark.scenes import (
    MARGIN,
    Scene,
    find_songs,
    noise_scene,
    read_song,
    song_scenes,
)
from spatialkit.upmixing.options import describe_options
from spatialkit.upmixing.registry import describe_upmixers, get_upmixer, load_upmixer, upmixer_names
from spatialkit.validation import as_count, as_number

__all__ = ["BenchmarkRow", "UpmixBenchmark", "benchmark_upmixers"]

FFMPEG = "ffmpeg"
SEED = 20261121
SECONDS = 30.0
# Upmixed once before the clock runs: compiled loops are compiled, models loaded.
WARM_UP = 0.5


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

    Of every song: three scenes with its stems panned in stereo, the same in a room (reverberation
    at -8 dB), one that is nearly mono (stems within 3 degrees, reverberation at -24 dB), and the
    song as it is; besides, stationary noise. What the measures are is in their ``help`` in the
    JSON, and below the table that the shell prints.

    Parameters
    ----------
    names : sequence of str, optional
        Of `upmixer_names`, or "ffmpeg" for the ``surround`` filter of an installed ffmpeg. By
        default the upmixers that come with spatialkit without models and make loudspeakers unless
        told otherwise, and ffmpeg where it is installed and serves the layout.
    layout : str or Layout
        Loudspeakers to upmix to. An upmixer that makes one layout only is measured on that.
    stems : str or path, optional
        Folder of a song, with vocals, drums, bass and other in it as .wav, .flac or .ogg, or a
        folder of such folders. By default the bundled song.
    seconds : float
        Of each song, at most, 2 or more: taken where all its stems are heard.
    seed : int
        Of directions, reverberation and noise, 0 or more.
    options : mapping of str to mapping, optional
        Options of upmixers by their names: ``{"matrix": {"width": 20.0}}``.

    Returns
    -------
    UpmixBenchmark
        An upmixer that fails has a row that says why, and the others are measured.

    Raises
    ------
    UpmixerError, LayoutError, OptionError
        If a name, the layout or an option is not known or not accepted.
    AudioFileError
        If there are no such stems, or they cannot be read.

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
    contenders, failed, notes = _contenders(names, target, dict(options or {}))
    for scene in _scenes(songs, length, seed):
        for contender in contenders:
            contender.run(scene)
    by_name = {row.name: row for row in (*(c.row() for c in contenders), *failed)}
    rows = tuple(by_name[name] for name in _chosen(names) if name in by_name)
    return UpmixBenchmark(target.name, length, int(seed), tuple(songs), rows, tuple(notes))


def _scenes(songs: Mapping[str, Any], seconds: float, seed: int) -> Iterator[Scene]:
    """All scenes, the noise first: it tells the lag best."""
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


def _contenders(
    names: Sequence[str] | None, layout: Layout, options: dict[str, Mapping[str, Any]]
) -> tuple[list[_Contender], list[BenchmarkRow], list[str]]:
    """Those that can be measured, rows of those that cannot, and what else is to be said."""
    chosen = _chosen(names)
    known = (*upmixer_names(), FFMPEG)
    for name in (*chosen, *options):
        if name not in known:
            raise UpmixerError(f"no upmixer is called {name!r}; known: {', '.join(known)}")
    contenders, failed, notes = [], [], []
    for name in chosen:
        try:
            if name == FFMPEG:
                contenders.append(_ffmpeg_contender(layout))
            else:
                contenders.append(_registered_contender(name, layout, options.get(name, {})))
        except _Missing as missing:
            notes.append(str(missing))
        except OptionError:
            raise
        except SpatialkitError as error:
            failed.append(BenchmarkRow(name, layout.name, "", error=str(error)))
    return contenders, failed, notes


class _Missing(Exception):
    """A program that need not be there is not."""


def _ffmpeg_contender(layout: Layout) -> _Contender:
    version = ffmpeg.ffmpeg_version()
    if not version:
        raise _Missing("ffmpeg is not installed: its surround filter was not measured.")
    if not ffmpeg.served_by_ffmpeg(layout):
        raise _Missing(f"ffmpeg's surround filter does not make {layout.name}.")

    def upmix(stereo: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        return ffmpeg.surround(stereo, sample_rate, layout)

    return _Contender(FFMPEG, version, layout, upmix)


def _registered_contender(name: str, layout: Layout, options: Mapping[str, Any]) -> _Contender:
    declared = {option.name for option in describe_options(load_upmixer(name))}
    settings = {"layout": layout, **options} if "layout" in declared else dict(options)
    upmixer = get_upmixer(name, **settings)
    if not isinstance(upmixer.format, Layout):
        raise LayoutError(f"it makes {upmixer.format.name}, the benchmark measures loudspeakers")
    origin = {found.name: found.origin for found in describe_upmixers()}[name]
    raw = None
    if getattr(upmixer.options, "exact_downmix", False):
        raw = get_upmixer(name, **{**settings, "exact_downmix": False}).upmix
    return _Contender(name, origin, upmixer.format, upmixer.upmix, raw)


Upmix = Callable[[NDArray[Any], int], NDArray[Any]]


class _Contender:
    """An upmixer under test, and what was found of it so far."""

    def __init__(
        self, name: str, origin: str, layout: Layout, upmix: Upmix, uncorrected: Upmix | None = None
    ) -> None:
        self.name, self.origin, self.layout = name, origin, layout
        self.upmix, self.uncorrected = upmix, uncorrected
        self.lag: int | None = None
        self.error = ""
        self.scenes: dict[str, dict[str, float]] = {}
        self.kinds: dict[str, str] = {}
        self.heard = self.taken = 0.0  # seconds

    def run(self, scene: Scene) -> None:
        """Upmix and measure one scene, unless an earlier one failed."""
        if self.error:
            return
        try:
            if self.lag is None:
                self.upmix(scene.stereo[:, : round(WARM_UP * scene.sample_rate)], scene.sample_rate)
            started = time.perf_counter()
            upmix = self.upmix(scene.stereo, scene.sample_rate)
            self.taken += time.perf_counter() - started
            self.heard += scene.stereo.shape[1] / scene.sample_rate
            if self.lag is None:
                self.lag = measures.find_lag(upmix, scene.stereo)
            values = score(_aligned(upmix, self.lag, scene), scene, self.layout)
            if self.uncorrected and "correction" in values:
                raw = self.uncorrected(scene.stereo, scene.sample_rate)
                stereo = _measured(scene.stereo)
                raw = _aligned(raw, self.lag, scene)
                values["correction"] = float(correction_size(raw, stereo, self.layout))
        except Exception as error:  # whatever a plug-in does: the others go on
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
        speed = self.heard / self.taken
        lag = self.lag or 0
        return BenchmarkRow(
            self.name, self.layout.name, self.origin, pooled, self.scenes, lag, speed
        )


def score(upmix: NDArray[Any], scene: Scene, layout: Layout) -> dict[str, float]:
    """All measures that apply to one scene; ``upmix`` is already without the margins."""
    stereo = _measured(scene.stereo)
    scores: dict[str, float] = {}
    try:
        scores["downmix_error"] = float(downmix_error(upmix, stereo, layout))
        scores["correction"] = float(correction_size(upmix, stereo, layout))
    except LayoutError:  # no rule folds these loudspeakers down
        pass
    played = upmix[layout.loudspeakers]
    if scene.kind == "noise":
        return scores | {"musical_noise": measures.log_kurtosis_ratio(played, stereo)}
    rate = scene.sample_rate
    with np.errstate(invalid="ignore"):  # silence less silence
        change = loudness(upmix, layout, rate) - loudness(stereo, "stereo", rate)
    scores["level_change"] = float(change)
    scores["level_pumping"] = measures.level_pumping(played, stereo, rate)
    front, surround, height = measures.region_energies(upmix, layout)
    if scene.kind == "near-mono":
        scores["near_mono_surround_level"] = measures.ratio_db(surround, front)
    if scene.kind in KNOWN:
        scores |= _score_parts(upmix, scene, layout)
    if scene.kind == "room":
        scores["surround_level"] = measures.ratio_db(surround, front)
        scores["height_level"] = measures.ratio_db(height, front)
    return scores


def _score_parts(upmix: NDArray[Any], scene: Scene, layout: Layout) -> dict[str, float]:
    """Measures of dry scenes and rooms that need the stems and the ambience."""
    stems, ambience = _measured(scene.stems), _measured(scene.ambience)
    errors = angle_error(stems, upmix, scene.azimuth, layout)
    scores = {"direction_error": _mean(errors)}
    signals = np.concatenate([stems, ambience, upmix])
    spectra = measures.cross_spectra(signals, scene.sample_rate)
    parts = measures.explained_parts(spectra, len(stems), len(ambience))
    front, around = measures.regions(layout)
    direct, moved = parts.direct[around].sum(), parts.ambience[around].sum()
    if around.size:
        scores["leakage"] = measures.ratio_db(direct, parts.direct[front].sum())
    if around.size and len(ambience):
        total = direct + moved + parts.other[around].sum()
        scores["ambience_share"] = float(moved / total) if total else np.nan
        scores["ambience_moved"] = measures.ratio_db(moved, parts.true_ambience)
        offset = len(stems) + len(ambience)
        scores["surround_correlation"] = measures.octave_correlation(spectra, around + offset)
    return scores


def pool(values: Iterable[float], rule: str) -> float:
    """One figure of those of the scenes, NaN left out."""
    found = np.array([value for value in values if not np.isnan(value)])
    if not found.size:
        return np.nan
    if rule == "least":
        return float(found.min())
    if rule == "energy":
        mean = np.mean(10.0 ** (found / 10.0))
        return float(10.0 * np.log10(mean)) if mean > 0.0 else -np.inf
    return float(found.mean())


def _mean(values: NDArray[np.float64]) -> float:
    return pool(values.tolist(), "mean")


def _measured(signal: NDArray[Any]) -> NDArray[Any]:
    return signal[:, MARGIN:-MARGIN]


def _aligned(upmix: NDArray[Any], lag: int, scene: Scene) -> NDArray[Any]:
    """The measured part of an upmix that is ``lag`` samples late."""
    return upmix[:, MARGIN + lag : scene.stereo.shape[1] - MARGIN + lag]
