"""The short-time Fourier transform and its inverse: 60 s of stereo at 48 kHz, float32, one thread.

Frames of 2048 samples, hop 512. Libraries that are not installed are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Row, best_times
from spatialkit.stft import istft, stft

N_FFT, HOP, RATE, SECONDS = 2048, 512, 48000, 60
TASK = f"of {SECONDS} s stereo, float32, {N_FFT}/{HOP}, one thread"

Calls = dict[str, Callable[[], NDArray[Any]]]


def rows() -> list[Row]:
    audio = np.random.default_rng(0).uniform(-1.0, 1.0, (2, SECONDS * RATE)).astype(np.float32)
    spectrum = stft(audio, n_fft=N_FFT, hop=HOP)
    forwards: Calls = {"spatialkit": lambda: stft(audio, n_fft=N_FFT, hop=HOP)}
    backwards: Calls = {
        "spatialkit": lambda: istft(spectrum, n_fft=N_FFT, hop=HOP, length=audio.shape[-1])
    }
    for peer in (_torch, _librosa, _scipy):
        try:
            transform, inverse = peer(audio, spectrum)
        except ImportError:
            continue
        forwards |= transform
        backwards |= inverse
    return [
        *_compared(f"STFT {TASK}", forwards),
        *_compared(f"inverse STFT {TASK}", backwards),
    ]


def _compared(task: str, calls: Calls) -> list[Row]:
    seconds = best_times(calls)
    ours = calls["spatialkit"]()
    return [
        Row(
            task,
            library,
            seconds[library],
            "ms",
            None if library == "spatialkit" else _apart(ours, call()),
        )
        for library, call in calls.items()
    ]


def _apart(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    common = min(ours.shape[-1], theirs.shape[-1])
    return float(np.abs(ours[..., :common] - theirs[..., :common]).max())


def _torch(audio: NDArray[Any], spectrum: NDArray[Any]) -> tuple[Calls, Calls]:
    import torch

    torch.set_num_threads(1)
    samples, bins = torch.from_numpy(audio), torch.from_numpy(spectrum)
    window = torch.hann_window(N_FFT)
    options = {"n_fft": N_FFT, "hop_length": HOP, "window": window}
    name = f"torch {torch.__version__}"
    return (
        {
            name: lambda: torch.stft(
                samples, **options, pad_mode="constant", return_complex=True
            ).numpy()
        },
        {name: lambda: torch.istft(bins, **options, length=audio.shape[-1]).numpy()},
    )


def _librosa(audio: NDArray[Any], spectrum: NDArray[Any]) -> tuple[Calls, Calls]:
    import librosa

    name = f"librosa {librosa.__version__}"
    return (
        {name: lambda: librosa.stft(audio, n_fft=N_FFT, hop_length=HOP)},
        {
            name: lambda: librosa.istft(
                spectrum, n_fft=N_FFT, hop_length=HOP, length=audio.shape[-1]
            )
        },
    )


def _scipy(audio: NDArray[Any], spectrum: NDArray[Any]) -> tuple[Calls, Calls]:
    import scipy
    from scipy.signal import ShortTimeFFT

    peer = ShortTimeFFT.from_window("hann", RATE, N_FFT, N_FFT - HOP, phase_shift=None)
    name = f"scipy {scipy.__version__} ShortTimeFFT"
    # ShortTimeFFT has additional frames at the start; the others are centred on the same samples.
    first, count = -peer.p_min, spectrum.shape[-1]
    whole = peer.stft(audio)
    return (
        {name: lambda: peer.stft(audio)[..., first : first + count]},
        {name: lambda: peer.istft(whole, k1=audio.shape[-1])},
    )
