"""Benchmark runner: upmixes scenes with known components and aggregates the measures.

Stems are panned in stereo, partly with synthetic reverberation, so that directions, direct sound
and ambience are known. Directions are evaluated relative to the stereo image, which extends to 30
degrees on the left and right. The first and last 8192 samples of each scene are not measured, as
the compensation of the delay of an upmixer shortens the signal.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from spatialkit.benchmarks.defaults import SCENES, SECONDS, SEED
from spatialkit.benchmarks.runner import versions
from spatialkit.benchmarks.songs import find_songs, read_song
from spatialkit.benchmarks.systems import (
    PROGRAMS,
    StimulusWriter,
    System,
    as_systems,
    fingerprint,
)
from spatialkit.benchmarks.upmix import measures
from spatialkit.benchmarks.upmix.pooling import pool
from spatialkit.benchmarks.upmix.report import MEASURES, BenchmarkRow, UpmixBenchmark
from spatialkit.benchmarks.upmix.scenes import (
    Scene,
    noise_scene,
    song_scenes,
)
from spatialkit.benchmarks.upmix.scoring import aligned, measured, score
from spatialkit.downmix import correction_size
from spatialkit.errors import error_message
from spatialkit.layouts import Layout, get_format, get_layout
from spatialkit.typing import StrPath
from spatialkit.upmixing import Upmixer, describe_upmixers
from spatialkit.validation import as_count, as_number

__all__ = ["benchmark_upmixers", "write_upmix_stimuli"]

# Duration of an upmix before the timing starts, which compiles loops and loads models.
WARM_UP = 0.5
# Kinds of scenes that are also upmixed with left and right exchanged.
EXCHANGED = ("noise", "song")


def benchmark_upmixers(
    systems: Sequence[str | Upmixer | System] | None = None,
    *,
    layout: str | Layout = "5.1",
    stems: str | os.PathLike[str] | None = None,
    seconds: float = SECONDS,
    scenes: int = SCENES,
    seed: int = SEED,
) -> UpmixBenchmark:
    """Measure upmixers on scenes whose direct sound, directions and ambience are known.

    Each song gives scenes with stems panned in stereo, the same with reverberation (-8 dB), one
    that is nearly mono (stems within 3 degrees, reverberation at -24 dB), and the original mix.
    Another scene is stationary noise. The measures are defined in their ``help`` in the JSON and
    below the table.

    Parameters
    ----------
    systems : sequence of str, Upmixer or System, optional
        Names from `upmixer_names`, perhaps with options as text, such as
        "foa-residual:decoder=dirac,level=1"; "ffmpeg" and "coderynx" for programs of others, if
        they are installed; upmixers; or systems, such as those of `command_system` and
        `estimates_system`.
        By default the built-in upmixers without models whose default output is a loudspeaker
        layout, and the programs that are installed and support the layout.
    layout : str or Layout
        Output layout. An upmixer with a fixed layout is measured with that layout.
    stems : str or path, optional
        Directory of a song with vocals, drums, bass and other as .wav, .flac or .ogg, or a
        directory of such directories. By default the bundled song.
    seconds : float
        Maximum duration of each song, at least 2: the excerpt in which all stems are active.
    scenes : int
        Number of sets of directions per song, each in a dry scene and in one with reverberation.
    seed : int
        Random seed of directions, reverberation and noise, at least 0.

    Returns
    -------
    UpmixBenchmark
        The row of an upmixer that fails contains the error; the others are still measured.

    Raises
    ------
    UpmixerError, LayoutError, OptionError
        If a name, the layout or an option is unknown or not accepted, or two systems have the same
        name.
    AudioFileError
        If the stems do not exist or cannot be read.

    Examples
    --------
    >>> results = benchmark_upmixers(["matrix"], seconds=2.0, scenes=1)
    >>> round(results.rows[0].measures["musical_noise"], 1) + 0.0
    0.0
    """
    target = get_layout(layout)
    length, count, seed = _checked(seconds, scenes, seed)
    songs = find_songs(stems)
    chosen = _default_systems() if systems is None else systems
    found, failures, notes = as_systems(chosen, target)
    tests = [_Test(system) for system in found]
    fingerprints = {}
    for scene in _scenes(songs, length, count, seed):
        fingerprints[scene.name] = fingerprint(scene.stereo, scene.sample_rate)
        for test in tests:
            test.run(scene)
    rows = [test.row() for test in tests]
    rows += [BenchmarkRow(name, target.name, "", error=why) for name, why in failures.items()]
    return UpmixBenchmark(
        target.name,
        length,
        seed,
        tuple(songs),
        tuple(rows),
        tuple(notes),
        count,
        fingerprints,
        versions("scipy"),
    )


def write_upmix_stimuli(
    folder: StrPath,
    *,
    stems: str | os.PathLike[str] | None = None,
    seconds: float = SECONDS,
    scenes: int = SCENES,
    seed: int = SEED,
) -> int:
    """Write the stereo signals of `benchmark_upmixers` as WAV files, to upmix them elsewhere.

    `estimates_system` reads the outputs; their names must end like those of the stimuli.

    Parameters
    ----------
    folder : path
        New or empty directory.
    stems, seconds, scenes, seed
        As for `benchmark_upmixers`.

    Returns
    -------
    int
        Number of files.
    """
    length, count, seed = _checked(seconds, scenes, seed)
    songs = find_songs(stems)
    writer = StimulusWriter(folder)
    for scene in _scenes(songs, length, count, seed):
        writer.add(scene.name, scene.stereo, scene.sample_rate)
        if scene.kind in EXCHANGED:
            writer.add(f"{scene.name} exchanged", scene.stereo[::-1], scene.sample_rate)
    settings = {"songs": list(songs), "seconds": length, "scenes": count, "seed": seed}
    return writer.finish("upmix", settings)


def _checked(seconds: float, scenes: int, seed: int) -> tuple[float, int, int]:
    return (
        as_number(seconds, "seconds", minimum=2.0, unit="s"),
        as_count(scenes, "scenes"),
        as_count(seed, "seed", minimum=0),
    )


def _scenes(songs: Mapping[str, Any], seconds: float, count: int, seed: int) -> Iterator[Scene]:
    """Yield all scenes; the noise is first, as it gives the best estimate of the lag."""
    yield noise_scene(seed)
    for name, files in songs.items():
        yield from song_scenes(read_song(name, files, seconds), seed, count)


def _default_systems() -> list[str]:
    core = (
        found.name
        for found in describe_upmixers()
        if found.origin.startswith("spatialkit.") and not found.problem
        if isinstance(get_format(found.format), Layout)
    )
    return [*core, *PROGRAMS]


class _Test:
    """System under test, with the results of the scenes so far."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.lag: int | None = None
        self.error = ""
        if not isinstance(system.format, Layout):
            name = system.format.name
            self.error = f"output format is {name}; only loudspeaker layouts can be measured"
        self.scenes: dict[str, dict[str, float]] = {}
        self.audio_seconds = self.elapsed_seconds = 0.0

    def run(self, scene: Scene) -> None:
        """Upmix and measure one scene, unless an earlier one failed."""
        if self.error:
            return
        try:
            self.scenes[scene.name] = self._measure(scene)
        except Exception as error:  # a failing plug-in must not stop the others
            self.error = f"{scene.name}: {error_message(error)}"

    def _measure(self, scene: Scene) -> dict[str, float]:
        layout, rate, upmix_of = self.system.format, scene.sample_rate, self.system.run
        assert isinstance(layout, Layout)
        if self.lag is None and not self.system.is_recorded:
            upmix_of(scene.stereo[:, : round(WARM_UP * rate)], rate)
        started = time.perf_counter()
        upmix = upmix_of(scene.stereo, rate)
        self.elapsed_seconds += time.perf_counter() - started
        self.audio_seconds += scene.stereo.shape[1] / rate
        if self.lag is None:
            self.lag = measures.find_lag(upmix, scene.stereo)
        upmix = aligned(upmix, self.lag, scene)
        values = score(upmix, scene, layout)
        if scene.kind in EXCHANGED:
            mirrored = aligned(upmix_of(scene.stereo[::-1].copy(), rate), self.lag, scene)
            values["own_imbalance"] = measures.own_imbalance(upmix, mirrored, layout, rate)
        if self.system.uncorrected and "correction" in values:
            raw = aligned(self.system.uncorrected(scene.stereo, rate), self.lag, scene)
            values["correction"] = float(correction_size(raw, measured(scene.stereo), layout))
        return values

    def row(self) -> BenchmarkRow:
        name, origin = self.system.name, self.system.origin
        if self.error:
            return BenchmarkRow(name, self.system.format.name, origin, error=self.error)
        pooled = {
            measure.name: pool(
                [values.get(measure.name, np.nan) for values in self.scenes.values()], measure.pool
            )
            for measure in MEASURES
        }
        speed = self.audio_seconds / self.elapsed_seconds
        if self.system.is_recorded:
            speed = np.nan
        lag = self.lag or 0
        return BenchmarkRow(name, self.system.format.name, origin, pooled, self.scenes, lag, speed)
