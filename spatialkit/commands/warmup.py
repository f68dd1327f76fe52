"""``spatialkit warmup``."""

from __future__ import annotations

import time
from typing import Any

from spatialkit.commands import toolkit

RATE = 48000
SAMPLES = 8_000


@toolkit.command("spatialkit warmup")
@toolkit.json_option
def command(as_json: bool) -> None:
    """Compile the numba kernels, for a faster start later.

    The kernels are compiled for float32 and float64. The machine code is stored on disk; a new
    version of spatialkit or numba and another processor require a new run.
    """
    from spatialkit._compiling import CLOCK

    start = time.perf_counter()
    compile_kernels()
    seconds = time.perf_counter() - start
    if as_json:
        toolkit.print_json({"seconds": seconds, "compile_seconds": CLOCK.seconds})
    elif CLOCK.seconds:
        toolkit.print_line(f"numba kernels compiled in {seconds:.1f} s")
    else:
        toolkit.print_line(f"numba kernels loaded from the cache in {seconds:.1f} s")


def compile_kernels() -> None:
    """Call every kernel with each combination of argument types that the package uses."""
    import numpy as np

    noise = 0.1 * np.random.default_rng(0).standard_normal((2, SAMPLES))
    for dtype in (np.float32, np.float64):
        _pan(noise.astype(dtype))
        _decode(noise.astype(dtype))
        _process(noise.astype(dtype))
        _upmix(noise.astype(dtype))
        _evaluate(noise.astype(dtype))


def _pan(sources: Any) -> None:
    from spatialkit.ambisonics import encode_ambisonics
    from spatialkit.panning import vbap_pan

    vbap_pan(sources, [0.0, 90.0], layout="7.1.4")
    for path in ([[0.0, 90.0], [90.0, 0.0]], [[0.0, 90.0], [90.0, 90.0]]):
        vbap_pan(sources, path, layout="7.1.4")
        encode_ambisonics(sources, path)


def _evaluate(stereo: Any) -> None:
    from spatialkit.metrics import evaluate, multi_resolution_stft, si_sdr

    si_sdr(stereo[0], stereo[1])
    multi_resolution_stft(stereo, stereo[::-1])
    evaluate(stereo, stereo[::-1], layout="stereo", sample_rate=RATE)


def _decode(sources: Any) -> None:
    from spatialkit.ambisonics import decode_foa, encode_foa, upscale_ambisonics

    scene = encode_foa(sources, [0.0, 90.0])
    decode_foa(scene, "7.1.4", decoder="dirac", sample_rate=RATE)
    upscale_ambisonics(scene, 3, sample_rate=RATE)


def _process(sources: Any) -> None:
    from spatialkit.realtime import EncoderProcessor, PannerProcessor

    for processor in (
        PannerProcessor("5.1", RATE, sources=2),
        EncoderProcessor(1, RATE, sources=2),
    ):
        for azimuth in (0.0, 90.0):
            processor.process(sources, azimuth=azimuth)
            # Blocks of a longer signal are not contiguous.
            processor.process(sources[:, ::2], azimuth=azimuth)
            processor.process(sources[:, :100], azimuth=azimuth)


def _upmix(stereo: Any) -> None:
    from spatialkit.upmixing import get_upmixer

    get_upmixer("ambience", layout="7.1.4").upmix(stereo, RATE)
