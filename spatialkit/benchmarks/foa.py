"""Benchmark of decoders and parametric renderers of first-order Ambisonics on loudspeakers.

Four stems are encoded as plane waves in random directions (protocol "dry"), also with a diffuse
field at -8 dB ("room"), and the diffuse field alone ("diffuse"). The reference of "dry" is VBAP:
the same stems panned to the loudspeakers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import (
    decode_ambisonics,
    decode_foa,
    encode_ambisonics,
    encode_foa,
    upscale_ambisonics,
)
from spatialkit.benchmarks.defaults import SEED
from spatialkit.benchmarks.results import Benchmark
from spatialkit.benchmarks.reverberation import reverberate
from spatialkit.benchmarks.runner import Trial, run_benchmark, versions
from spatialkit.benchmarks.songs import STEMS
from spatialkit.benchmarks.source_scenes import SourceScene, SourceScenes, active_errors
from spatialkit.benchmarks.systems import Method, StimulusWriter, System, methods_by_name
from spatialkit.benchmarks.upmix.measures import gating_depth, level_pumping
from spatialkit.errors import OptionError
from spatialkit.layouts import Layout, get_layout
from spatialkit.metrics import angle_error, snr, wild
from spatialkit.panning import vbap_pan
from spatialkit.results import Metric

__all__ = ["FOA_METRICS", "FOA_PROTOCOLS", "benchmark_foa", "foa_methods"]

FOA_PROTOCOLS = {
    "dry": "four stems as plane waves; the reference is the same stems panned by VBAP.",
    "room": "the same with a diffuse field (synthetic reverberation) at -8 dB.",
    "diffuse": "the diffuse field alone.",
}
"""Protocols and their descriptions."""

ROOM_DB = -8.0
# Order of the row that decodes the true scene at a higher order, a yardstick.
YARDSTICK = 3

AGAINST_VBAP, DIFFUSE = "Against the panned stems", "Diffuse field"
FOA_METRICS = (
    Metric("direction_error", "direction error", "degrees", "lower", "Angle between a stem and "
           "the energy vector of its least-squares gains in the loudspeakers, mean over stems; "
           "stems 30 dB below the sum are left out."),
    Metric("gating_depth", "gating depth", "dB", "lower", "Median minus 5th percentile over time "
           "of the gain of a loudspeaker, in thirds of an octave; worst loudspeaker. It contains "
           "the pauses of sources: a sharper decoder has a higher one."),
    Metric("level_pumping", "level pumping", "dB", "lower", "Standard deviation of the power "
           "relative to W, X, Y and Z, in blocks of 100 ms.", decimals=2),
    Metric("snr", "SNR to VBAP", "dB", "higher", "Panned stems relative to the difference.",
           AGAINST_VBAP),
    Metric("wild", "WILD", "dB", "lower", "Wasserstein distance of interchannel level differences "
           "to the panned stems, summed over pairs of loudspeakers; magnitudes limited to 60 dB "
           "below the loudest bin.", AGAINST_VBAP),
    Metric("wild_90", "WILD at -90 dB", "dB", "lower", "The same, limited to 90 dB below.",
           AGAINST_VBAP),
    Metric("level", "level", "dB", "near 0", "Energy relative to that of the panned stems.",
           AGAINST_VBAP),
    Metric("correlation", "largest correlation", "", "lower", "Largest correlation of two "
           "loudspeakers, 0 to 1.", DIFFUSE, 2),
    *(
        Metric(f"direction_error_{stem}", stem, "degrees", "lower", "", "Direction error by stem")
        for stem in STEMS
    ),
)  # fmt: skip


def _decode(audio: NDArray[Any], rate: int, **options: Any) -> NDArray[Any]:
    return decode_foa(audio, sample_rate=rate, **options)


def _upscale(audio: NDArray[Any], rate: int, order: int = 3, **options: Any) -> NDArray[Any]:
    higher = upscale_ambisonics(audio, order, sample_rate=rate)
    return decode_ambisonics(higher, sample_rate=rate, **options)


def foa_methods(layout: Layout) -> dict[str, Method]:
    """Return the decoders to a layout by name.

    "allrad", "epad", "mode-matching" and "sampling" are linear; "dirac" is parametric; "upscaling"
    decodes what `upscale_ambisonics` returns by "allrad".
    """
    weighted = {"weights": str, "crossover": float}
    linear = {
        name: Method(partial(_decode, layout=layout, decoder=name), weighted)
        for name in ("allrad", "epad", "mode-matching", "sampling")
    }
    return {
        **linear,
        "dirac": Method(partial(_decode, layout=layout, decoder="dirac")),
        "upscaling": Method(partial(_upscale, layout=layout), {"order": int, **weighted}),
    }


def benchmark_foa(
    systems: Sequence[str | System] | None = None,
    *,
    layout: str | Layout = "7.1.4",
    stems: str | os.PathLike[str] | None = None,
    protocols: Sequence[str] = tuple(FOA_PROTOCOLS),
    examples: int = 20,
    seconds: float = 5.0,
    seed: int = SEED,
    progress: bool = False,
    stimuli: StimulusWriter | None = None,
) -> Benchmark:
    """Measure decoders of first-order Ambisonics where they place known sources.

    Parameters
    ----------
    systems : sequence of str or System, optional
        Keys of `foa_methods`, perhaps with options, such as "allrad:weights=dual-band" or
        "upscaling:order=5"; or systems whose input is AmbiX (W, Y, Z, X), such as those of
        `command_system`. By default all methods.
    layout : str or Layout
        Loudspeakers.
    stems : str or path, optional
        Directory of a song with vocals, drums, bass and other, or of such directories. By default
        the bundled song.
    protocols : sequence of str
        Keys of `FOA_PROTOCOLS`.
    examples : int
        Number of scenes, of excerpts at random times of the songs in turn.
    seconds : float
        Length of each excerpt, at least 1.
    seed : int
        Seed of times, directions and reverberation, at least 0.
    progress : bool
        Show a progress bar.
    stimuli : StimulusWriter, optional
        Write the inputs instead, see `run_benchmark`.

    Returns
    -------
    Benchmark
        With a row of third-order Ambisonics of the same scenes ("dry"): a yardstick that knows
        more than four channels.

    Raises
    ------
    OptionError, LayoutError
        If an argument is not accepted.
    AudioFileError
        If stems do not exist or cannot be read.
    """
    target = get_layout(layout)
    if unknown := [name for name in protocols if name not in FOA_PROTOCOLS]:
        raise OptionError(f"unknown protocol {unknown[0]!r}; accepted: {', '.join(FOA_PROTOCOLS)}")
    is_elevated = bool(np.nan_to_num(target.elevation).any())
    scenes = SourceScenes(stems, examples, seconds, seed, is_elevated=is_elevated)
    chosen = methods_by_name(systems, foa_methods(target), target, "decoder")
    return run_benchmark(
        (scene.example(_trials(scene, chosen, target, protocols)) for scene in scenes),
        FOA_METRICS,
        title=f"First-order Ambisonics to {target.name}, {scenes.title}",
        settings={
            "layout": target.name,
            "protocols": list(protocols),
            **scenes.facts(),
            "systems": {one.name: {**one.facts, "origin": one.origin} for one in chosen},
            "versions": versions("scipy"),
        },
        notes=[f"Protocol {name!r}: {FOA_PROTOCOLS[name]}" for name in protocols],
        total=len(scenes),
        progress=progress,
        stimuli=stimuli,
    )


def _trials(
    scene: SourceScene, systems: Sequence[System], layout: Layout, protocols: Sequence[str]
) -> Iterator[Trial]:
    directions = scene.azimuth, scene.elevation
    dry = encode_foa(scene.sources, *directions)
    field = _diffuse_field(scene)
    level = 10.0 ** (ROOM_DB / 10.0) * np.sum(np.square(dry[0])) / np.sum(np.square(field[0]))
    diffuse = (np.sqrt(level) * field).astype(np.float32)
    reference = vbap_pan(scene.sources, *directions, layout=layout)
    for protocol in protocols:
        audio = {"dry": dry, "room": dry + diffuse, "diffuse": diffuse}[protocol]
        score = partial(_score, protocol, scene, reference, audio, layout)
        for system in systems:
            run = partial(system.run, sample_rate=scene.sample_rate)
            yield Trial(system.name, {"protocol": protocol}, audio, run, score)
        if protocol == "dry":
            higher = encode_ambisonics(scene.sources, *directions, order=YARDSTICK)
            run = partial(_decoded, higher, layout)
            yield Trial("true third order", {"protocol": protocol}, audio, run, score)


def _decoded(higher: NDArray[Any], layout: Layout, audio: NDArray[Any]) -> NDArray[Any]:
    return decode_ambisonics(higher, layout)


def _diffuse_field(scene: SourceScene) -> NDArray[Any]:
    """Return the reverberation of all sources as an isotropic field: W, Y, Z and X (SN3D)."""
    rng = np.random.default_rng(scene.seed)
    mono = scene.sources.sum(axis=0, dtype=np.float64)
    field = reverberate(mono, scene.sample_rate, rng, channels=4)
    return field * np.sqrt([[1.0], [1.0 / 3.0], [1.0 / 3.0], [1.0 / 3.0]])


def _score(
    protocol: str,
    scene: SourceScene,
    reference: NDArray[Any],
    audio: NDArray[Any],
    layout: Layout,
    feeds: NDArray[Any],
) -> dict[str, float]:
    """Return the metrics that apply to a protocol."""
    real = feeds[layout.loudspeakers]
    if protocol == "diffuse":
        with np.errstate(invalid="ignore", divide="ignore"):  # a silent loudspeaker
            correlations = np.abs(np.corrcoef(real) - np.eye(len(real)))
        return {"correlation": float(np.nanmax(correlations))}
    errors = angle_error(
        scene.sources, feeds, scene.azimuth, layout, elevation=scene.elevation, weighting="energy"
    )
    errors = active_errors(scene.sources, errors)
    known = errors[~np.isnan(errors)]
    found = {
        "direction_error": float(known.mean()) if known.size else np.nan,
        **{f"direction_error_{stem}": float(x) for stem, x in zip(STEMS, errors, strict=True)},
        "gating_depth": gating_depth(real, audio, scene.sample_rate),
        "level_pumping": level_pumping(real, audio, scene.sample_rate),
    }
    if protocol == "dry":
        with np.errstate(divide="ignore"):  # silence
            ratio = np.log10(np.sum(np.square(feeds)) / np.sum(np.square(reference)))
        found |= {
            "snr": float(snr(reference, feeds)),
            "wild": float(wild(reference, feeds, method="histogram")),
            "wild_90": float(wild(reference, feeds, floor_db=-90.0, method="histogram")),
            "level": float(10.0 * ratio),
        }
    return found
