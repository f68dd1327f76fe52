"""Metrics compared with other libraries. Libraries that are not installed are left out."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.harness import Row, best_times
from spatialkit import metrics
from spatialkit.metrics import GROUPS, evaluate, loudness, si_sdr, wild
from spatialkit.stft import stft

RATE, SECONDS, CHANNELS = 44100, 10, 5


def rows() -> list[Row]:
    rng = np.random.default_rng(0)
    swell = np.sin(np.arange(SECONDS * RATE) * rng.uniform(1e-5, 1e-3, (2, CHANNELS, 1))) ** 2
    noise = 0.1 * rng.standard_normal((2, CHANNELS, SECONDS * RATE)) * swell
    reference, estimate = noise.astype(np.float32)
    return [
        *_wild_rows(reference, estimate),
        *_si_sdr_rows(reference, reference + estimate),
        *_loudness_rows(reference.astype(np.float64)),
        *_every_metric_rows(reference, reference + 0.1 * estimate),
        *_evaluate_rows(rng),
    ]


def _wild_rows(reference: NDArray[Any], estimate: NDArray[Any]) -> list[Row]:
    task = f"WILD of {SECONDS} s of {CHANNELS} channels"
    ours = {
        "spatialkit, spectra included": lambda: wild(reference, estimate),
        "spatialkit, histogram of 0.1 dB": lambda: wild(reference, estimate, method="histogram"),
    }
    samples = _level_differences(reference, estimate)
    peer = "scipy.stats, of precomputed level differences"
    seconds = best_times(ours)
    start = time.perf_counter()
    theirs = _scipy_distance(samples)  # takes seconds: measured once
    seconds[peer] = time.perf_counter() - start
    exact, coarse = (call() for call in ours.values())
    differences = (None, abs(coarse - exact), abs(theirs - exact))
    return [
        Row(task, library, seconds[library], "ms", None if apart is None else float(apart))
        for library, apart in zip((*ours, peer), differences, strict=True)
    ]


def _level_differences(
    reference: NDArray[Any], estimate: NDArray[Any]
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Compute the level differences that WILD compares, in float64."""
    first, second = (np.abs(stft(x.astype(np.float64))) for x in (reference, estimate))
    floor = 1e-3 * first.max()
    levels = [20.0 * np.log10(np.maximum(x, floor)) for x in (first, second)]
    pairs = combinations(range(CHANNELS), 2)
    a, b = zip(
        *([np.clip(x[i] - x[j], -60.0, 60.0).ravel() for x in levels] for i, j in pairs),
        strict=True,
    )
    return list(zip(a, b, strict=True))


def _scipy_distance(samples: list[tuple[NDArray[Any], NDArray[Any]]]) -> float:
    return float(sum(stats.wasserstein_distance(a, b) for a, b in samples))


def _si_sdr_rows(reference: NDArray[Any], estimate: NDArray[Any]) -> list[Row]:
    calls: dict[str, Callable[[], Any]] = {
        "spatialkit": lambda: si_sdr(reference, estimate, per_channel=True)
    }
    try:
        import torch
        from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio

        torch.set_num_threads(1)
        tensors = torch.from_numpy(estimate), torch.from_numpy(reference)
        calls["torchmetrics, float32"] = lambda: scale_invariant_signal_distortion_ratio(
            *tensors
        ).numpy()
    except ImportError:
        pass
    return _compared(f"SI-SDR of {SECONDS} s of {CHANNELS} channels, float32", calls)


def _loudness_rows(audio: NDArray[Any]) -> list[Row]:
    # At other rates than 48 kHz the high-pass of pyloudnorm has another response; with a fraction
    # of a second it counts an incomplete block.
    rate, seconds = 48000, SECONDS - 1
    audio = np.ascontiguousarray(audio[:, : rate * seconds])
    calls: dict[str, Callable[[], Any]] = {"spatialkit": lambda: loudness(audio, "5.0", rate)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pyloudnorm
        meter = pyloudnorm.Meter(rate, filter_class="DeMan")
        calls["pyloudnorm"] = lambda: meter.integrated_loudness(audio.T)
    except ImportError:
        pass
    return _compared(f"loudness of {seconds} s of {CHANNELS} channels, float64", calls)


def _evaluate_rows(rng: np.random.Generator) -> list[Row]:
    """Measure `evaluate` of a 5.1 pair and a batch of stereo pairs, and with every group."""
    every = {"binaural": True, "metrics": list(GROUPS)}
    cases: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
        ("default metrics, 60 s of 5.1", (6, 60 * 48000), {}),
        ("every group, 60 s of 5.1", (6, 60 * 48000), every),
        ("default metrics, a batch of 64 stereo pairs of 4 s", (64, 2, 192000), {}),
    ]
    rows = []
    for task, shape, options in cases:
        reference = 0.1 * rng.standard_normal(shape, np.float32)
        estimate = reference + 0.03 * rng.standard_normal(shape, np.float32)
        options = {"layout": "5.1" if shape[-2] == 6 else "stereo", "sample_rate": 48000, **options}
        evaluate(reference[..., :48000], estimate[..., :48000], **options)
        start = time.perf_counter()
        evaluate(reference, estimate, **options)
        seconds = time.perf_counter() - start
        duration = np.prod(shape) / shape[-2] / 48000
        note = f"{duration / seconds:.0f} times real time"
        rows.append(Row(f"evaluate, {task}", "spatialkit", seconds, "s", None, note))
    return rows


def _every_metric_rows(reference: NDArray[Any], estimate: NDArray[Any]) -> list[Row]:
    """Measure each metric on 10 s of 5.0 and of FOA, and on a batch of 64 items of 1 s."""
    shapes = {"10 s of 5.0": 5, "10 s of FOA": 4, "a batch of 64 items of 1 s of 5.0": 5}
    rows = []
    for task, channels in shapes.items():
        pair = tuple(audio[:channels] for audio in (reference, estimate))
        if "batch" in task:
            pair = tuple(np.stack([each[:, :RATE]] * 64) for each in pair)
        layout = "5.0" if channels == 5 else "foa"
        options: dict[str, Any] = {"layout": layout, "sample_rate": RATE}
        if channels == 5:
            stems = np.ascontiguousarray(pair[0][..., :2, :])
            options |= {"stems": stems, "azimuth": [30.0, -30.0]}
        for names in _together(channels == 4):
            binaural = names[0].startswith("binaural")
            call = partial(evaluate, *pair, **options, binaural=binaural, metrics=list(names))
            found = call()
            if not set(names) & set(found):
                continue
            seconds = best_times({"spatialkit": call}, runs=1)["spatialkit"]
            note = f"{pair[0].size / channels / RATE / seconds:.0f} times real time"
            title = f"{', '.join(names)}: {task}"
            rows.append(Row(title, "spatialkit", seconds, "ms", None, note))
    return rows


def _together(is_ambisonic: bool) -> Iterator[tuple[str, ...]]:
    """Yield the metrics that are computed together; of Ambisonics only those that need it."""
    if is_ambisonic:
        yield "intensity_angle", "diffuseness_difference"
        return
    groups = (("ssr", "srr"), ("energy_vector_angle", "energy_vector_difference"))
    prefixes = ("binaural", "true_peak")
    names = [name for name in metrics.METRICS if not name.startswith(("intensity", "diffuse"))]
    levels = tuple(name for name in names if "loud" in name or name.startswith("max_"))
    levels = tuple(name for name in levels if not name.startswith("binaural"))
    together = [*groups, levels]
    together += [tuple(n for n in names if n.startswith(prefix)) for prefix in prefixes]
    yield from together
    yield from ((name,) for name in names if not any(name in group for group in together))


def _compared(task: str, calls: dict[str, Callable[[], Any]]) -> list[Row]:
    seconds, ours = best_times(calls), calls["spatialkit"]()
    return [
        Row(
            task,
            library,
            seconds[library],
            "ms",
            None if library == "spatialkit" else float(np.abs(call() - ours).max()),
        )
        for library, call in calls.items()
    ]
