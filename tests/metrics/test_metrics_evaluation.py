"""`evaluate`: applicable metrics, their values and units, and the public names."""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
import pytest

from spatialkit import metrics
from spatialkit.ambisonics import encode_ambisonics
from spatialkit.downmix import downmix
from spatialkit.errors import LayoutError, OptionError, ShapeError
from spatialkit.files import read, write
from spatialkit.layouts import Layout
from spatialkit.metrics import UNITS, evaluate
from spatialkit.panning import vbap_pan

ALWAYS = {"snr", "sd_sdr", "si_sdr", "log_spectral_distance"}
LEVELS = {"wild", "ild_error"}
VECTORS = {
    *("energy_vector_angle", "energy_vector_difference"),
    *("front_rear_difference", "left_right_difference"),
}
LOUDNESS = {
    *("loudness_reference", "loudness_estimate", "loudness_difference"),
    *("max_momentary_difference", "max_short_term_difference", "loudness_range_difference"),
}
PEAKS = {"true_peak_reference", "true_peak_estimate"}
SPATIAL = {"ssr", "srr"}
RATED = {"correlation_error"} | SPATIAL
SCENE = {"intensity_angle", "diffuseness_difference"}
DOWNMIX = {"downmix_snr"}
FRONT = {"front_rear_difference"}


@pytest.mark.parametrize(
    ("channels", "layout", "sample_rate", "expected"),
    [
        (1, None, None, ALWAYS),
        (2, None, None, ALWAYS | LEVELS),
        (2, None, 48000, ALWAYS | LEVELS | LOUDNESS | PEAKS | RATED),
        (6, None, 48000, ALWAYS | LEVELS | PEAKS | RATED),
        (2, "stereo", None, ALWAYS | LEVELS | VECTORS - FRONT),
        (6, "5.1", 48000, ALWAYS | LEVELS | VECTORS | LOUDNESS | PEAKS | RATED | DOWNMIX),
        (3, Layout.from_directions([0, 120, -120]), None, ALWAYS | LEVELS | VECTORS),
        (4, "foa", 48000, ALWAYS | PEAKS | SCENE | LOUDNESS | SPATIAL),
    ],
)
def test_applicable_metrics_are_present_and_floats(rng, channels, layout, sample_rate, expected):
    reference = 0.1 * rng.standard_normal((channels, 168_000)).astype(np.float32)
    estimate = reference + 0.1 * rng.standard_normal((channels, 168_000)).astype(np.float32)
    scores = evaluate(reference, estimate, layout=layout, sample_rate=sample_rate)
    assert set(scores) == expected
    assert {type(score) for score in scores.values()} == {float}
    assert np.all(np.isfinite(list(scores.values())))


def test_every_metric_has_a_unit(rng):
    surround, scene = rng.standard_normal((6, 24_000)), rng.standard_normal((4, 24_000))
    scores = evaluate(surround, surround, layout="5.1", sample_rate=48000, binaural=True)
    scores |= evaluate(scene, scene, layout="foa", sample_rate=48000)
    stems = {"stems": surround, "azimuth": 0.0, "layout": "5.1"}
    named = ["angle_error", "multi_resolution_stft", "silence"]
    scores |= evaluate(surround, surround, **stems, metrics=named)
    assert UNITS.keys() == scores.keys()
    assert set(UNITS.values()) == {"dB", "degrees", "LUFS", "LU", "dBTP", "us", ""}


def test_values_are_those_of_the_metrics(rng):
    reference, estimate = rng.standard_normal((2, 5, 24_000))
    scores = evaluate(reference, estimate, layout="5.0", sample_rate=48000)
    for name in ("snr", "sd_sdr", "si_sdr", "wild", "ild_error"):
        assert scores[name] == getattr(metrics, name)(reference, estimate)
    loudness = [metrics.loudness(x, "5.0", 48000) for x in (reference, estimate)]
    assert scores["loudness_reference"] == loudness[0]
    assert scores["loudness_difference"] == loudness[1] - loudness[0]
    assert scores["true_peak_estimate"] == metrics.true_peak(estimate, 48000)
    folded = [downmix(x, "5.0", "stereo") for x in (reference, estimate)]
    assert scores["downmix_snr"] == metrics.snr(*folded)
    rotated = np.zeros((2, 5, 10))
    rotated[0, 2] = rotated[1, 0] = 1.0  # the centre moves to the left
    scores = evaluate(*rotated, layout="5.0")
    assert scores["energy_vector_angle"] == pytest.approx(30.0, abs=1e-9)
    # a chord of 30 degrees
    chord = 2.0 * np.sin(np.radians(15.0))
    assert scores["energy_vector_difference"] == pytest.approx(chord, abs=1e-12)


@pytest.mark.parametrize("sample_rate", [48000, 96000])  # correlation_error has another transform
@pytest.mark.parametrize("level", [1.0, 1e-17])  # log_spectral_distance is computed in float64
def test_metrics_of_shared_spectra_are_those_of_each_metric(rng, sample_rate, level):
    reference, estimate = level * rng.standard_normal((2, 2, 3, 20_001))
    pair = reference.astype(np.float32), estimate.astype(np.float32)
    pair[0][1, 0] = 0.0
    names = ["wild", "ild_error", "leakage", "correlation_error", "log_spectral_distance"]
    scores = evaluate(*pair, sample_rate=sample_rate, metrics=names)
    assert list(scores) == [name for name in metrics.METRICS if name in names]
    for name in names:
        rate = {"sample_rate": sample_rate} if name == "correlation_error" else {}
        alone = getattr(metrics, name)(*pair, **rate)
        np.testing.assert_array_equal(scores[name], alone, err_msg=name)
        assert evaluate(*pair, sample_rate=sample_rate, metrics=name)[name].tolist() == (
            alone.tolist()
        )


def test_ambisonic_values_are_those_of_known_scenes(rng):
    """A wave rotated by 40 degrees; then a second one, opposite, of half its amplitude: psi 0.4."""
    first, second = rng.standard_normal((2, 200_000))
    scene = encode_ambisonics(first, 10.0, order=1)
    turned = encode_ambisonics(first, 50.0, order=1)
    scores = evaluate(scene, turned, layout="foa")
    assert scores["intensity_angle"] == pytest.approx(40.0, abs=1e-9)
    assert scores["diffuseness_difference"] == pytest.approx(0.0, abs=1e-9)
    mixed = scene + encode_ambisonics(0.5 * second, -170.0, order=1)
    assert evaluate(scene, mixed, layout="foa")["diffuseness_difference"] == pytest.approx(
        0.4,
        abs=0.01,  # 1 / sqrt(200 000), a few times
    )


@pytest.mark.parametrize("layout", ["5.0", "foa"])
def test_silent_and_empty_signals_raise_no_error(rng, layout):
    channels = 5 if layout == "5.0" else 4
    sound, silence = rng.standard_normal((channels, 24_000)), np.zeros((channels, 24_000))
    options = {"layout": layout, "sample_rate": 48000}
    scores = evaluate(silence, silence, **options)
    assert scores.pop("true_peak_estimate") == scores.pop("true_peak_reference") == -np.inf
    for name in ("loudness_reference", "loudness_estimate"):
        assert scores.pop(name, -np.inf) == -np.inf
    assert np.all(np.isnan(list(scores.values())))
    scores = evaluate(sound, silence, **options)
    assert scores["snr"] == 0.0
    assert scores["sd_sdr"] == scores["si_sdr"] == -np.inf
    assert scores.get("loudness_difference", -np.inf) == -np.inf
    scores = evaluate(sound, sound, **options)
    assert scores["snr"] == scores["sd_sdr"] == scores["si_sdr"] == np.inf
    for name in ("wild", "ild_error", "energy_vector_angle", "loudness_difference"):
        assert scores.get(name, 0.0) == 0.0
    for samples in (0, 1):
        evaluate(sound[:, :samples], sound[:, :samples], **options)


def test_wrong_channel_counts_are_rejected():
    with pytest.raises(ShapeError, match=r"reference must have 6 channels for layout '5\.1'"):
        evaluate(np.zeros((5, 10)), np.zeros((5, 10)), layout="5.1")


@pytest.mark.parametrize("layout", ["5.0", "foa"])
def test_each_item_of_a_batch_has_its_own_values(rng, layout):
    reference, estimate = rng.standard_normal((2, 2, 3, 5 if layout == "5.0" else 4, 24_000))
    options = {"layout": layout, "sample_rate": 48000, "binaural": True}
    scores = evaluate(reference, estimate, **options)
    single = evaluate(reference[1, 2], estimate[1, 2], **options)
    assert scores.keys() == single.keys()
    for name, values in scores.items():
        assert values.shape == (2, 3)
        assert values.dtype == np.float64
        # sums of a batch run in blocks of another length
        assert values[1, 2] == pytest.approx(single[name], rel=1e-6, abs=1e-9, nan_ok=True)
        assert len(np.unique(values)) == 6 or np.isnan(values).all()


def test_names_and_groups_select_metrics(rng):
    reference, estimate = rng.standard_normal((2, 2, 24_000))
    scores = evaluate(reference, estimate, metrics=["Levels", "snr"])
    assert list(scores) == ["snr", "wild", "ild_error"]
    assert list(evaluate(reference, estimate, metrics="snr")) == ["snr"]
    with pytest.raises(OptionError, match="unknown metric 'wildd'; did you mean 'wild'"):
        evaluate(reference, estimate, metrics="wildd")
    with pytest.raises(OptionError, match="'loudness_difference' needs a sample rate; omit it"):
        evaluate(reference, estimate, metrics="loudness_difference")
    with pytest.raises(OptionError, match="'wild' needs two channels or more"):
        evaluate(reference[:1], estimate[:1], metrics="wild")
    with pytest.raises(OptionError, match="none of the metrics apply: metric 'ssr' needs two"):
        evaluate(reference[:1], estimate[:1], metrics="spatial")
    with pytest.raises(OptionError, match="metrics is empty"):
        evaluate(reference, estimate, metrics=[])


def test_leakage_is_limited_and_on_request(rng):
    reference = rng.standard_normal((5, 24_000))
    reference[2] = 0.0
    options = {"layout": "5.0", "sample_rate": 48000}
    assert "leakage" not in evaluate(reference, reference, **options)
    # A few bins of noise are 60 dB below another channel.
    assert -120.0 <= evaluate(reference, reference, metrics="silence")["leakage"] < -90.0
    tones = np.sin(np.arange(24_000) * np.array([[0.3], [0.0]]))
    assert evaluate(tones, tones, metrics="silence")["leakage"] == -120.0
    leaky = reference + np.eye(5)[:, 2:3] * 0.1 * reference[0]
    found = evaluate(reference, leaky, metrics="leakage")["leakage"]
    assert found == pytest.approx(-20.0 - 10.0 * np.log10(4.0), abs=0.2)


def test_stems_give_the_mean_angle_error(rng):
    stems = rng.standard_normal((3, 24_000))
    azimuth = [10.0, 60.0, -120.0]
    reference = vbap_pan(stems, azimuth, layout="5.0")
    estimate = vbap_pan(stems, [13.0, 54.0, -120.0], layout="5.0")
    scores = evaluate(reference, estimate, layout="5.0", stems=stems, azimuth=azimuth)
    # a VBAP mix has the directions that it was panned to
    assert scores["angle_error"] == pytest.approx((3.0 + 6.0 + 0.0) / 3.0, abs=1e-6)
    with pytest.raises(OptionError, match="stems and azimuth belong together; azimuth is missing"):
        evaluate(reference, estimate, layout="5.0", stems=stems)


def test_files_and_audio_are_evaluated_like_arrays(rng, tmp_path):
    signals = rng.uniform(-0.5, 0.5, (2, 6, 24_000)).astype(np.float32)
    paths = [tmp_path / f"{name}.wav" for name in "ab"]
    for path, samples in zip(paths, signals, strict=True):
        write(path, samples, 48000, format="5.1", subtype="FLOAT")
    expected = evaluate(*signals, layout="5.1", sample_rate=48000)
    for scores in (evaluate(*paths), evaluate(str(paths[0]), read(paths[1]))):
        assert list(scores) == list(expected)
        assert list(scores.values()) == pytest.approx(list(expected.values()), rel=0, nan_ok=True)
    with pytest.raises(LayoutError, match=r"layout is '7\.0'"):
        evaluate(*paths, layout="7.0")


def test_the_folder_exports_the_public_names_of_its_modules():
    assert metrics.__all__ == sorted(metrics.__all__)
    names = [module.name for module in pkgutil.iter_modules(metrics.__path__)]
    modules = [importlib.import_module(f"spatialkit.metrics.{name}") for name in names]
    exported = {name for module in modules for name in getattr(module, "__all__", ())}
    assert set(metrics.__all__) == exported


@pytest.mark.parametrize("name", ["snr", "sd_sdr", "si_sdr", "wild", "ild_error", "evaluate"])
def test_both_signals_are_accepted_by_keyword(rng, name):
    first, second = rng.standard_normal((2, 2, 3000))
    metric = getattr(metrics, name)
    assert metric(estimate=second, reference=first) == metric(first, second)
