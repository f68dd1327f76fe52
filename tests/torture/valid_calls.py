"""Valid calls of public functions: each is attacked with other arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import spatialkit as sk
from spatialkit import binaural, files, geometry, metrics, realtime, validation
from spatialkit.benchmarks import Benchmark
from spatialkit.downmix import correction_size
from spatialkit.panning import layout_report
from spatialkit.stft import moving_sum

RATE = 48000
# Arguments of `process` of processors; the others are of their constructor.
PARAMETERS = ("azimuth", "elevation", "yaw", "pitch", "roll")


def valid_calls(
    noise: Callable[..., np.ndarray], folder: Path
) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Functions and valid arguments by a name."""
    five, pair, four, mono = noise(5, 600), noise(2, 600), noise(4, 600), noise(600)
    spectra = sk.stft(five, n_fft=64, hop=16)
    angles = np.array([0.0, 30.0, -110.0])
    layout = {"layout": "5.0"}
    conventions = {"normalization": "SN3D", "channel_order": "ACN"}
    decoding = {**layout, "decoder": "allrad", "weights": "max-re"}
    room = ["FL", "FR", "FC"], np.array([30.0, -30.0, 0.0]), np.zeros(3)
    whole = sk.get_layout("5.1")
    every: list[tuple[str, Callable[..., Any], dict[str, Any]]] = [
        (
            "vbap_gains",
            sk.vbap_gains,
            {"azimuth": angles, "elevation": 0.0, "spread": 0.0, **layout},
        ),
        ("vbap_pan", sk.vbap_pan, {"audio": mono, "azimuth": angles, "spread": 10.0, **layout}),
        ("vbap_pan", sk.vbap_pan, {"audio": pair, "azimuth": angles[:2], "elevation": 5.0}),
        ("encode_foa", sk.encode_foa, {"audio": pair, "azimuth": angles[:2], **conventions}),
        (
            "encode_ambisonics",
            sk.encode_ambisonics,
            {"audio": mono, "azimuth": 20.0, "elevation": 9.0, "order": 2, **conventions},
        ),
        ("decode_foa", sk.decode_foa, {"ambisonics": four, **decoding, **conventions}),
        (
            "decode_ambisonics",
            sk.decode_ambisonics,
            {"ambisonics": four, **decoding, "crossover": 700.0, "sample_rate": RATE},
        ),
        ("rotate_foa", sk.rotate_foa, {"ambisonics": four, "yaw": 10.0, "pitch": 0.0, "roll": 5.0}),
        ("rotate_ambisonics", sk.rotate_ambisonics, {"ambisonics": noise(9, 99), "yaw": 10.0}),
        (
            "convert_foa",
            sk.convert_foa,
            {"ambisonics": four, "source": "ambix1", "target": "fuma1"},
        ),
        (
            "convert_ambisonics",
            sk.convert_ambisonics,
            {"ambisonics": noise(9, 99), "source": "ambix2", "target": "ambix1"},
        ),
        (
            "virtual_microphones",
            sk.virtual_microphones,
            {"ambisonics": four, "azimuth": angles, "elevation": 0.0, "pattern": 0.5},
        ),
        (
            "spherical_harmonics",
            sk.spherical_harmonics,
            {"azimuth": angles, "elevation": 0.0, "order": 2, **conventions},
        ),
        ("decoder_matrix", sk.decoder_matrix, {"order": 1, **decoding, **conventions}),
        ("decoder_report", sk.decoder_report, {"order": 1, **decoding}),
        (
            "downmix",
            sk.downmix,
            {"audio": five, "source": "5.0", "target": "stereo", "method": "itu", "lfe_gain": 0.0},
        ),
        ("downmix", sk.downmix, {"audio": noise(6, 99), "source": "5.1", "normalize": True}),
        (
            "downmix_matrix",
            sk.downmix_matrix,
            {"source": "5.1", "target": "stereo", "method": "itu"},
        ),
        (
            "match_downmix",
            sk.match_downmix,
            {"upmix": five, "original": pair, "source": "5.0", "method": "itu"},
        ),
        (
            "correction_size",
            correction_size,
            {"upmix": five, "original": pair, "source": "5.0"},
        ),
        ("render", sk.render, {"audio": five, "source": "5.0", "target": "7.1"}),
        ("render", sk.render, {"audio": four, "source": "ambix1", "target": "stereo"}),
        ("render_matrix", sk.render_matrix, {"source": "5.0", "target": "7.1.4"}),
        ("reorder", sk.reorder, {"audio": noise(6, 99), "source": "5.1", "target": "0+5+0"}),
        ("channel_map", sk.channel_map, {"source": "5.1", "target": "0+5+0"}),
        ("get_layout", sk.get_layout, {"name": "5.1"}),
        ("get_format", sk.get_format, {"name": "ambix1"}),
        ("layout_report", layout_report, {"layout": "5.1"}),
        (
            "Layout",
            sk.Layout,
            {"name": "a", "labels": room[0], "azimuth": room[1], "elevation": room[2]},
        ),
        (
            "Layout",
            sk.Layout,
            {
                "name": "a",
                "labels": ["a", "b", "LFE"],
                "azimuth": np.array([10.0, -10.0, 0.0]),
                "is_lfe": [False, False, True],
                "nominal": np.array([[30.0, -30.0, 0.0], [0.0, 0.0, 0.0]]),
            },
        ),
        (
            "Layout.from_directions",
            sk.Layout.from_directions,
            {"azimuth": angles, "elevation": 0.0, "name": "a"},
        ),
        ("Layout.from_wave_mask", sk.Layout.from_wave_mask, {"mask": 0x3F}),
        ("Layout.from_json", sk.Layout.from_json, {"source": whole.to_json()}),
        ("Layout.move", whole.move, {"azimuth": whole.azimuth, "elevation": {"FL": 3.0}}),
        ("Layout.in_order", whole.in_order, {"order": "film"}),
        ("AmbisonicFormat", sk.AmbisonicFormat, {"order": 1, **conventions}),
        ("Audio", sk.Audio, {"samples": five, "sample_rate": RATE, "format": "5.0"}),
        ("stft", sk.stft, {"audio": five, "n_fft": 64, "hop": 16, "window": "hann"}),
        (
            "istft",
            sk.istft,
            {"spectrum": spectra, "n_fft": 64, "hop": 16, "window": "hann", "length": 600},
        ),
        ("moving_sum", moving_sum, {"values": np.abs(spectra), "frames": 3, "bins": 1}),
        ("StreamingSTFT", streamed_stft, {"audio": five, "n_fft": 64, "hop": 16, "window": "hann"}),
        ("StreamingISTFT", streamed_istft, {"spectrum": spectra, "n_fft": 64, "hop": 16}),
        ("to_cartesian", geometry.to_cartesian, {"azimuth": angles, "elevation": 0.0}),
        ("to_spherical", geometry.to_spherical, {"vectors": noise(5, 3)}),
        ("angle_between", geometry.angle_between, {"a": noise(5, 3), "b": noise(5, 3)}),
        ("rotation_matrix", geometry.rotation_matrix, {"yaw": 1.0, "pitch": 2.0, "roll": 3.0}),
        ("sphere_quadrature", geometry.sphere_quadrature, {"degree": 3}),
        (
            "resample",
            files.resample,
            {"audio": pair, "rate": RATE, "new_rate": 44100, "quality": "VHQ", "length": 500},
        ),
        *[
            (name, getattr(metrics, name), {"reference": five, "estimate": noise(5, 600)})
            for name in ("snr", "sd_sdr", "si_sdr")
        ],
        *[
            (
                name,
                getattr(metrics, name),
                {"reference": pair, "estimate": noise(2, 600), "n_fft": 64, "hop": 16},
            )
            for name in ("wild", "ild_error")
        ],
        (
            "wild",
            metrics.wild,
            {"reference": pair, "estimate": noise(2, 600), "method": "histogram"},
        ),
        ("ild", metrics.ild, {"spectrum": spectra, "floor_db": -60.0}),
        ("ipd", metrics.ipd, {"spectrum": spectra, "floor_db": -60.0}),
        ("icc", metrics.icc, {"spectrum": spectra, "frames": 3, "bins": 1, "floor_db": -60.0}),
        *[
            (
                name,
                getattr(metrics, name),
                {"spectrum": spectra[:4], "format": "ambix1", "frames": 3},
            )
            for name in ("active_intensity", "diffuseness", "energy_density")
        ],
        (
            "angle_error",
            metrics.angle_error,
            {"stems": noise(2, 600), "estimate": five, "azimuth": angles[:2], **layout},
        ),
        ("energy_vector", metrics.energy_vector, {"audio": five, **layout}),
        ("velocity_vector", metrics.velocity_vector, {"audio": five, **layout}),
        ("loudness", metrics.loudness, {"audio": noise(5, 9000), **layout, "sample_rate": 8000}),
        ("true_peak", metrics.true_peak, {"audio": five, "sample_rate": RATE}),
        ("TruePeakMeter", metered, {"audio": five, "channels": 5, "sample_rate": RATE}),
        (
            "wasserstein_distance",
            metrics.wasserstein_distance,
            {"a": np.arange(9.0), "b": np.ones(9)},
        ),
        ("downmix_error", metrics.downmix_error, {"upmix": five, "original": pair, **layout}),
        (
            "evaluate",
            metrics.evaluate,
            {
                "reference": noise(5, 6000),
                "estimate": noise(5, 6000),
                **layout,
                "sample_rate": 9000,
            },
        ),
        ("get_upmixer", sk.get_upmixer, {"name": "matrix", "layout": "5.1", "center": 0.5}),
        ("register_upmixer", sk.register_upmixer, {"name": "mine", "factory": sk.Upmixer}),
        ("matrix.upmix", sk.get_upmixer("matrix").upmix, {"audio": pair, "sample_rate": RATE}),
        (
            "ambience.upmix",
            sk.get_upmixer("ambience").upmix,
            {"audio": noise(2, 6000), "sample_rate": RATE},
        ),
        ("foa-pair.upmix", sk.get_upmixer("foa-pair").upmix, {"audio": pair, "sample_rate": RATE}),
        ("matrix.stream", streamed_upmix, {"blocks": [pair, pair], "sample_rate": RATE}),
        ("check_upmixer", sk.check_upmixer, {"upmixer": sk.get_upmixer("matrix")}),
        ("sample_path", sk.sample_path, {"name": "mixture"}),
        ("read", sk.read, {"path": folder / "stereo.wav", "dtype": "float32", "start": 0}),
        (
            "read",
            sk.read,
            {
                "path": folder / "stereo.wav",
                "offset": 0.001,
                "duration": 0.002,
                "sample_rate": 9000,
            },
        ),
        (
            "read",
            sk.read,
            {"path": folder / "stereo.wav", "format": "stereo", "force_format": True, "stop": 99},
        ),
        ("stream", streamed_file, {"path": folder / "stereo.wav", "block": 100, "start": 3}),
        ("info", sk.info, {"path": folder / "stereo.wav"}),
        (
            "write",
            write_and_read,
            {"path": folder / "out.wav", "samples": pair, "sample_rate": RATE, "format": "stereo"},
        ),
        (
            "write",
            write_and_read,
            {
                "path": folder / "out.flac",
                "samples": pair,
                "sample_rate": RATE,
                "subtype": "PCM_16",
                "dither": "triangular",
                "seed": 1,
                "peak_guard": True,
            },
        ),
        (
            "write_stream",
            write_blocks,
            {
                "path": folder / "out.wav",
                "sample_rate": RATE,
                "channels": 2,
                "samples": 600,
                "blocks": [pair],
            },
        ),
        *new_calls(noise),
        ("as_array", as_array, {"values": pair}),
        ("as_audio", validation.as_audio, {"audio": pair}),
        ("as_angles", as_angles, {"values": angles}),
        ("as_directions", validation.as_directions, {"azimuth": angles, "elevation": 0.0}),
        ("as_choice", as_choice, {"value": "a"}),
        ("as_count", as_count, {"value": 3}),
        ("as_number", as_number, {"value": 0.5}),
        ("as_sample_rate", validation.as_sample_rate, {"value": RATE}),
        ("parse_json", parse_json, {"text": '{"a": 1}'}),
        ("read_json", validation.read_json, {"path": folder / "stereo.wav"}),
        ("require_finite", require_finite, {"audio": pair}),
        *torch_calls(five, noise(5, 600)),
        ("Benchmark.from_json", Benchmark.from_json, {"text": '{"rows": []}'}),
    ]
    return {
        f"{name} {number}": (function, given)
        for number, (name, function, given) in enumerate(every)
    }


def new_calls(
    noise: Callable[..., np.ndarray],
) -> list[tuple[str, Callable[..., Any], dict[str, Any]]]:
    """Functions for headphones and for real time."""
    pair, four, five = noise(2, 600), noise(4, 600), noise(5, 600)
    azimuth = np.array([0.0, 90.0, -90.0, 180.0, 0.0, 0.0])
    elevation = np.array([0.0, 0.0, 0.0, 0.0, 90.0, -90.0])
    ears = {"ir": noise(6, 2, 32), "azimuth": azimuth, "elevation": elevation, "sample_rate": RATE}
    filters, _layout = noise(2, 4, 32), {"layout": sk.get_layout("5.0")}
    turned = {"yaw": 10.0, "pitch": 0.0, "roll": 0.0}
    processors = [
        (realtime.PannerProcessor, {"layout": "5.0", "sources": 2}, pair, {"azimuth": azimuth[:2]}),
        (realtime.EncoderProcessor, {"order": 1, "sources": 2}, pair, {"azimuth": azimuth[:2]}),
        (realtime.DecoderProcessor, {"layout": "5.0", "order": 1, "decoder": "epad"}, four, {}),
        (realtime.RotatorProcessor, {"order": 1}, four, turned),
    ]
    return [
        *[
            (
                made.__name__,
                partial(processed, made),
                {**options, "sample_rate": RATE, "block": block, **parameters},
            )
            for made, options, block, parameters in processors
        ],
        ("HRTF", binaural.HRTF, ears),
        ("read_hrtf", binaural.read_hrtf, {"name_or_path": "ku100"}),
        ("binauralize", binaural.binauralize, {"audio": four, "filters": filters}),
        (
            "render_binaural",
            binaural.render_binaural,
            {"audio": five, "source": "5.0", "sample_rate": RATE, **turned},
        ),
        ("itd", metrics.itd, {"binaural": noise(2, 9000), "sample_rate": RATE}),
        (
            "interaural_coherence",
            metrics.interaural_coherence,
            {"binaural": noise(2, 9000), "sample_rate": RATE},
        ),
        (
            "LoudnessMeter",
            loudness,
            {"layout": "5.0", "sample_rate": 8000, "block": noise(5, 9000)},
        ),
    ]


def torch_calls(
    first: np.ndarray, second: np.ndarray
) -> list[tuple[str, Callable[..., Any], dict[str, Any]]]:
    """Metrics of torchmetrics, if it is installed."""
    try:
        import torch

        from spatialkit_models import metrics as classes
    except ImportError:
        return []
    torch.set_num_threads(1)

    def update(make: Callable[[], Any]) -> Callable[..., Any]:
        return lambda **signals: make()(**{name: tensor(each) for name, each in signals.items()})

    def tensor(signal: Any) -> Any:
        is_native = type(signal) is np.ndarray and signal.dtype in (np.float32, np.float64)
        return torch.tensor(signal.tolist(), dtype=torch.float32) if is_native else signal

    names = "SNR", "SDSDR", "SISDR", "WILD", "ILDError", "EnergyVectorAngle"
    given = {"preds": first, "target": second}
    return [(name, update(getattr(classes, name)), given) for name in names]


# Callables with the state that they need.


def processed(made: Any, *, block: Any, **given: Any) -> Any:
    parameters = {name: given.pop(name) for name in PARAMETERS if name in given}
    processor = made(**given)
    return [processor.process(block, **parameters), processor.process(block)]


def loudness(layout: Any, sample_rate: Any, block: Any) -> Any:
    meter = metrics.LoudnessMeter(layout, sample_rate)
    meter.add(block)
    return meter.finish()


def streamed_stft(audio: Any, **options: Any) -> Any:
    transform = sk.StreamingSTFT(**options)
    return [transform.process(audio), transform.process(audio), transform.flush()]


def streamed_istft(spectrum: Any, **options: Any) -> Any:
    transform = sk.StreamingISTFT(**options)
    return [transform.process(spectrum), transform.process(spectrum), transform.flush()]


def metered(audio: Any, **options: Any) -> Any:
    meter = metrics.TruePeakMeter(**options)
    meter.add(audio)
    meter.add(audio)
    return meter.finish()


def streamed_upmix(blocks: Any, sample_rate: Any) -> Any:
    source = sk.get_upmixer("matrix").stream(sample_rate)
    return [*[source.process(block) for block in as_list(blocks)], source.flush()]


def as_list(values: Any) -> list[Any]:
    """Only the elements of ``values`` are under attack."""
    return list(values) if isinstance(values, (list, tuple)) else [values]


def streamed_file(**options: Any) -> Any:
    with sk.stream(**options) as source:
        return [source.samples, *source]


def write_and_read(path: Any, **options: Any) -> Any:
    sk.write(path, overwrite=True, **options)
    return sk.read(path).samples.shape


def write_blocks(path: Any, blocks: Any, **options: Any) -> Any:
    with sk.write_stream(path, overwrite=True, **options) as target:
        for block in as_list(blocks):
            target.write(block)
    return sk.read(path).samples.shape


def as_array(values: Any) -> Any:
    return validation.as_array(values, "values", sk.SignalError)


def as_angles(values: Any) -> Any:
    return validation.as_angles(values, "azimuth")


def as_choice(value: Any) -> Any:
    return validation.as_choice(value, "letter", ("a", "b"))


def as_count(value: Any) -> Any:
    return validation.as_count(value, "count", minimum=0, maximum=10)


def as_number(value: Any) -> Any:
    return validation.as_number(value, "width", minimum=0.0, maximum=1.0)


def parse_json(text: Any) -> Any:
    return validation.parse_json(text, "the text")


def require_finite(audio: Any) -> Any:
    return validation.require_finite(validation.as_audio(audio))
