"""Metrics compared with other libraries, in processor time of one thread.

Libraries that are not installed are left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.harness import Row, best_times
from spatialkit import metrics
from spatialkit.metrics import (
    GROUPS,
    evaluate,
    loudness,
    multi_resolution_stft,
    si_sdr,
    snr,
    wild,
)
from spatialkit.stft import stft

RATE, SECONDS, CHANNELS = 44100, 10, 5


def rows() -> list[Row]:
    rng = np.random.default_rng(0)
    swell = np.sin(np.arange(SECONDS * RATE) * rng.uniform(1e-5, 1e-3, (2, CHANNELS, 1))) ** 2
    noise = 0.1 * rng.standard_normal((2, CHANNELS, SECONDS * RATE)) * swell
    reference, estimate = noise.astype(np.float32)
    return [
        *_wild_rows(reference, estimate),
        *_ratio_rows(reference, reference + estimate),
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
    seconds = best_times(ours, clock=process_time)
    start = process_time()
    theirs = _scipy_distance(samples)  # takes seconds: measured once
    seconds[peer] = process_time() - start
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


def _ratio_rows(reference: NDArray[Any], estimate: NDArray[Any]) -> list[Row]:
    """Measure SI-SDR and SNR of each channel, and SNR of all channels together."""
    pair, length = (reference, estimate), f"{SECONDS} s of {CHANNELS} channels"

    def fast() -> Callable[[], Any]:
        import fast_bss_eval

        return partial(fast_bss_eval.si_sdr, *pair, clamp_db=None)

    def museval() -> Callable[[], Any]:
        import museval

        # Frames of BSS Eval with filters of 512 taps: its SDR of images is the SNR.
        images = [each[None, :2, : 3 * RATE].swapaxes(1, 2) for each in pair]
        return lambda: museval.evaluate(*images, win=np.inf, hop=np.inf)[0][0, 0]

    def mir_eval() -> Callable[[], Any]:
        import mir_eval

        images = [each[None, :2, : 3 * RATE].swapaxes(1, 2) for each in pair]
        return lambda: mir_eval.separation.bss_eval_images(*images)[0][0]

    stereo = [each[:2, : 3 * RATE] for each in pair]
    tables: list[tuple[str, Callable[[], Any], dict[str, Callable[[], Callable[[], Any]]]]] = [
        (
            f"SI-SDR of {length}, float32",
            partial(si_sdr, *pair, per_channel=True),
            {
                "torchmetrics, float32": partial(
                    _torch, pair, "scale_invariant_signal_distortion_ratio"
                ),
                "fast_bss_eval, best permutation": fast,
            },
        ),
        (
            f"SI-SDR of {length}, mean of the channels, float32",
            lambda: si_sdr(*pair, per_channel=True).mean(),
            {"auraloss, float32": partial(_auraloss, pair, "time", "SISDRLoss", -1.0)},
        ),
        (
            f"SNR of {length}, float32",
            partial(snr, *pair, per_channel=True),
            {"torchmetrics, float32": partial(_torch, pair, "signal_noise_ratio")},
        ),
        (
            "SNR of 3 s of stereo, both channels together",
            partial(snr, *stereo),
            {"museval, with ISR, SIR, SAR": museval, "mir_eval, with ISR, SIR, SAR": mir_eval},
        ),
        (
            f"multi-resolution STFT of {length}, float32",
            partial(multi_resolution_stft, *pair),
            {"auraloss, float32": partial(_auraloss, pair, "freq", "MultiResolutionSTFTLoss")},
        ),
    ]
    return [row for task, ours, peers in tables for row in _compared(task, ours, peers)]


def _torch(pair: tuple[NDArray[Any], ...], name: str) -> Callable[[], Any]:
    """Return a function of torchmetrics, one thread, with arguments."""
    import torch
    from torchmetrics.functional import audio

    torch.set_num_threads(1)
    target, preds = (torch.from_numpy(each) for each in pair)
    return lambda: getattr(audio, name)(preds, target).numpy()


def _auraloss(
    pair: tuple[NDArray[Any], ...], module: str, name: str, sign: float = 1.0
) -> Callable[[], Any]:
    """Return a loss of auraloss, one thread, with arguments."""
    import auraloss
    import torch

    torch.set_num_threads(1)
    loss = getattr(getattr(auraloss, module), name)()
    target, preds = (torch.from_numpy(each[None]) for each in pair)
    return lambda: sign * loss(preds, target).numpy()


def _loudness_rows(audio: NDArray[Any]) -> list[Row]:
    # At other rates than 48 kHz the high-pass of pyloudnorm has another response; with a fraction
    # of a second it counts an incomplete block.
    rate, seconds = 48000, SECONDS - 1
    audio = np.ascontiguousarray(audio[:, : rate * seconds])

    def pyloudnorm() -> Callable[[], Any]:
        import pyloudnorm

        meter = pyloudnorm.Meter(rate, filter_class="DeMan")
        return lambda: meter.integrated_loudness(audio.T)

    task = f"loudness of {seconds} s of {CHANNELS} channels, float64"
    return _compared(task, partial(loudness, audio, "5.0", rate), {"pyloudnorm": pyloudnorm})


def _evaluate_rows(rng: np.random.Generator) -> list[Row]:
    """Measure `evaluate` of a 5.1 pair and a batch of stereo pairs, and with every group."""
    every = {"binaural": True, "metrics": list(GROUPS)}
    cases: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
        ("default metrics, 60 s of 5.1", (6, 60 * 48000), {}),
        ("every group, 300 s of 5.1", (6, 300 * 48000), every),
        ("default metrics, a batch of 64 stereo pairs of 4 s", (64, 2, 192000), {}),
    ]
    rows = []
    for task, shape, options in cases:
        reference = 0.1 * rng.standard_normal(shape, np.float32)
        estimate = reference + 0.03 * rng.standard_normal(shape, np.float32)
        options = {"layout": "5.1" if shape[-2] == 6 else "stereo", "sample_rate": 48000, **options}
        evaluate(reference[..., :48000], estimate[..., :48000], **options)
        start = process_time()
        evaluate(reference, estimate, **options)
        seconds = process_time() - start
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
            seconds = best_times({"spatialkit": call}, runs=1, clock=process_time)["spatialkit"]
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


def _compared(
    task: str, ours: Callable[[], Any], peers: dict[str, Callable[[], Callable[[], Any]]]
) -> list[Row]:
    """Measure ours and those peers, each a function that imports a library, that are installed."""
    calls = {"spatialkit": ours}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for library, load in peers.items():
            try:
                calls[library] = load()
            except ImportError:
                print(f"{library.partition(',')[0]} is not installed: left out of {task!r}")
        seconds, expected = best_times(calls, runs=3, clock=process_time), ours()
        return [
            Row(
                task,
                library,
                seconds[library],
                "ms",
                None if library == "spatialkit" else float(np.abs(call() - expected).max()),
            )
            for library, call in calls.items()
        ]
