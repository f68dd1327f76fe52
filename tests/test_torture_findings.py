"""Arguments that `make torture` found to raise errors of Python, NumPy or soxr, or worse."""

from __future__ import annotations

import os
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import spatialkit
from spatialkit import Layout, geometry, get_layout, get_upmixer, metrics
from spatialkit.benchmarks import Benchmark, benchmark_binaural, benchmark_foa, summarize
from spatialkit.binaural import HRTF, binauralize, render_binaural
from spatialkit.commands import main
from spatialkit.commands.toolkit import Report
from spatialkit.errors import OptionError, SpatialkitError
from spatialkit.files import resample
from spatialkit.realtime import PannerProcessor
from spatialkit.stft import moving_sum
from spatialkit.trajectory import read_trajectory
from spatialkit.validation import as_number, as_numbers, parse_json, shown

FIVE = np.ones((5, 600))


class Lines:
    """Object that is printed in several lines, as a tensor is."""

    def __repr__(self):
        return "Lines(1,\n      2)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Lines(), "Lines(1, 2)"),
        ("a\nb", r"'a\nb'"),
        (10**5000, "a value of type int"),
        ("x" * 500, f"'{'x' * 49}...{'x' * 24}'"),
    ],
    ids=["lines", "text", "digits", "long"],
)
def test_values_are_shown_in_one_short_line(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spatialkit.vbap_gains([[1.0], [1.0, 2.0]]), "lists in it must have equal lengths"),
        (lambda: spatialkit.get_layout(Lines()), r"^layout must be a name, got Lines\(1, 2\)"),
        (lambda: get_upmixer([1.0]), r"must be a name, got \[1.0\]"),
        (lambda: as_number(np.complex64(1j), "gain"), "gain must be a number, got"),
        (lambda: as_numbers(np.array([1, None]), "gains", SpatialkitError), "must be numbers, got"),
        (
            lambda: geometry.to_spherical(np.ones((3, 5))),
            r"must have shape \(..., 3\), got \(3, 5\)",
        ),
        (lambda: geometry.to_spherical("x"), "vectors must be numbers, got 'x'"),
        (lambda: geometry.angle_between(np.ones((5, 3)), np.ones((2, 3))), "do not broadcast"),
        (lambda: geometry.sphere_quadrature(-1), "degree must be from 0 to 1000"),
        (lambda: Layout("a", 5, [0.0]), "labels of layout 'a' must be a sequence of names, got 5"),
        (lambda: Layout(5, ["a"], [0.0]), "name of a layout must be text, got 5"),
        (lambda: Layout("a", ["a"], [1j]), "must be numbers in degrees"),
        (lambda: Layout("a", ["a"], [0.0], is_lfe=["no"]), "is_lfe .* must be True or False"),
        (lambda: Layout.from_wave_mask(np.int8(-1)), "mask must be at least 0"),
        (lambda: moving_sum([["a"]]), "values must be an array of numbers"),
        (lambda: metrics.wasserstein_distance([1j], [0.0]), "a must be numbers"),
        (lambda: metrics.loudness(np.ones(9000), "5.0", 8000), "must have 5 channels"),
        (lambda: metrics.loudness(FIVE, "5.0", 10**400), "sample_rate must be from 8000"),
        (lambda: metrics.TruePeakMeter("a", 48000), "channels must be a whole number"),
        (lambda: metrics.TruePeakMeter(2**31, 48000).add(FIVE), "must have 2147483648 channels"),
        (lambda: metrics.TruePeakMeter(5, 48000).add(FIVE[None]), "must have shape"),
        (
            lambda: spatialkit.virtual_microphones(FIVE[:4], 0.0, pattern=1j),
            "pattern must be numbers",
        ),
        (lambda: spatialkit.stft(FIVE, n_fft=2**31), "n_fft must be from 2 to 4194304"),
        (lambda: get_upmixer("ambience").upmix(FIVE[:2], 2**31), "sample_rate must be from 1 to"),
        (lambda: resample(FIVE, 2**60, 48000), "rate must be from 1 to"),
        (lambda: resample(FIVE, 1, 48000), "new_rate must be 0.001 to 1000 times the rate"),
        (lambda: spatialkit.info("\0"), "path must not contain a null character"),
        (
            lambda: spatialkit.info("/dev/zero"),
            "/dev/zero is a device|cannot be read: No such file",
        ),
        (lambda: spatialkit.read(None), "path must be text or a path object, got None"),
        (lambda: spatialkit.write(b"a.wav", FIVE, 48000), "path must be text or a path object"),
        (lambda: parse_json(5, "the text"), "the text must be text, got 5"),
        (
            lambda: Layout.from_json('{"LoudspeakerLayout": {"Loudspeakers": [5]}}'),
            "a list of objects with Azimuth",
        ),
    ],
)
def test_each_gives_one_sentence(call, message):
    with pytest.raises(SpatialkitError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_long_names_from_files_give_short_messages():
    text = Layout("x" * 10**5, ["FL"], [0.0]).to_json()
    with pytest.raises(SpatialkitError, match=r"^layout 'x+ \.\.\. x+") as caught:
        Layout.from_json(text.replace('"Elevation": 0.0', '"Elevation": 99'))
    assert len(str(caught.value)) < 2100


def test_small_whole_numbers_of_numpy_are_used_as_those_of_python(rng):
    """The product of an int8 with the size of a block exceeded its range."""
    pair = rng.uniform(-1.0, 1.0, (2, 2, 600))
    found = metrics.wild(*pair, n_fft=np.int16(64), hop=np.int8(16))
    assert found == metrics.wild(*pair, n_fft=64, hop=16)
    assert Layout.from_wave_mask(np.int8(63)) == spatialkit.get_layout("5.1")


@pytest.mark.parametrize("scale", [1e-44, 1e-35, 1e35])
@pytest.mark.parametrize("method", ["exact", "histogram"])
def test_ild_distances_of_extreme_float32_are_finite(rng, scale, method):
    pair = rng.uniform(0.1, 1.0, (2, 600)).astype(np.float32)
    with np.errstate(under="ignore"):
        extreme = pair * np.float32(scale)
    assert metrics.ild_error(extreme, extreme, n_fft=64, hop=16) == 0.0
    for first, second in ((pair, extreme), (extreme, pair), (extreme, extreme)):
        metrics.ild_error(first, second, n_fft=64, hop=16)
        assert np.isfinite(metrics.wild(first, second, n_fft=64, hop=16, method=method))
    assert metrics.wild(extreme, extreme, n_fft=64, hop=16, method=method) == 0.0


def test_neighbourhoods_larger_than_the_spectrum_are_the_whole(rng):
    values = rng.uniform(size=(3, 5))
    whole = moving_sum(values, frames=None, bins=None)
    assert np.allclose(moving_sum(values, frames=2**62, bins=10**9), whole, rtol=1e-14)


def test_excerpts_in_seconds_may_be_any_number(tmp_path):
    spatialkit.write(tmp_path / "a.wav", FIVE, 100, format="5.0")
    for offset in (Fraction(1, 2), "0.5"):
        assert spatialkit.read(tmp_path / "a.wav", offset=offset).samples.shape == (5, 550)
    with pytest.raises(SpatialkitError, match="exceeds its 6 s"):
        spatialkit.read(tmp_path / "a.wav", duration=1e308)


@pytest.mark.parametrize(
    "change", [{"title": 5}, {"notes": [5]}, {"settings": []}, {"examples": [5]}]
)
def test_benchmarks_with_other_types_are_refused(change):
    facts = {"title": "", "metrics": [], "rows": [], "examples": [], "notes": [], **change}
    with pytest.raises(SpatialkitError, match="is not JSON of a benchmark"):
        Benchmark.from_json(spatialkit.results.to_json(facts))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.LoudnessMeter("5.0", 3), "sample_rate must be from 8000"),
        (lambda: metrics.LoudnessMeter("no", 48000), "unknown layout or format 'no'"),
        (lambda: metrics.LoudnessMeter(get_layout("5.0"), 48000).add(FIVE[:2]), "have 5 channels"),
        (lambda: HRTF([["a"]], [0.0], [0.0], 48000), "ir must be numbers"),
        (lambda: binauralize(FIVE, np.ones((2, 5, 9), complex)), "filters must be numbers"),
        (lambda: render_binaural(FIVE, "5.0", sample_rate=10**400), "sample_rate must be from"),
        (lambda: PannerProcessor("5.0", 48000, sources=10**9), "sources must be from 1 to 1024"),
        (lambda: PannerProcessor("5.0", 48000).process([[1.0], [1.0, 2.0]]), "equal lengths"),
    ],
)
def test_each_for_headphones_and_in_real_time_gives_one_sentence(call, message):
    with pytest.raises(SpatialkitError, match=message):
        call()


def test_blocks_may_have_fewer_samples_than_channels():
    meter = metrics.LoudnessMeter(None, 8000)
    meter.add(np.ones((128, 8000)))
    meter.add(np.ones((128, 10)))
    assert np.isfinite(meter.finish())


def test_batches_without_samples_have_no_coherence():
    assert np.isnan(metrics.interaural_coherence(np.zeros((3, 2, 0)), 48000)).tolist() == [True] * 3


def test_a_spectrum_without_bins_has_no_coherence():
    found = metrics.icc(np.zeros((5, 0, 38), np.complex64), bins=None)
    assert found.shape == (10, 1, 38)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".caf"])
def test_numbers_of_channels_that_no_file_contains_are_refused(tmp_path, suffix):
    with (
        pytest.raises(SpatialkitError, match="channels"),
        spatialkit.write_stream(tmp_path / f"a{suffix}", 48000, channels=2**63),
    ):
        pass


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_correlation_errors_do_not_depend_on_the_scale(rng, scale):
    first, second = rng.standard_normal((2, 3, 9000)).astype(np.float32)
    wanted = metrics.correlation_error(first, second, 48000)
    found = metrics.correlation_error(first * np.float32(scale), second * np.float32(scale), 48000)
    assert abs(found - wanted) < 1e-5


def test_values_whose_squares_overflow_have_no_interval():
    found = summarize([1.0, 1e300, 2.0])
    assert found.mean > 1e299
    assert np.isnan([found.deviation, found.low, found.high]).all()


def test_reports_of_names_that_are_too_long_fail_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    spatialkit.write("a.wav", FIVE[:2] * 0.1, 8000)
    spatialkit.write(f"{'n' * 251}.wav", FIVE[:2] * 0.1, 8000)
    assert main(["report", "a.wav", f"{'n' * 251}.wav", "-o", "out/"]) == 1
    assert "File name too long" in capsys.readouterr().err
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.html", "index.html"]


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux only")
def test_reports_and_their_index_show_names_that_are_not_utf8(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spatialkit.write("a.wav", FIVE[:2] * 0.1, 8000)
    os.rename("a.wav", b"a\xff.wav")
    assert main(["report", "a\udcff.wav", "-o", "out/"]) == 0
    assert "<title>a\\udcff.wav" in Path("out", "a\udcff.html").read_text(encoding="utf-8")
    assert 'href="a%FF.html">a\\udcff' in Path("out", "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("function", [benchmark_foa, benchmark_binaural])
def test_seeds_of_benchmarks_are_at_least_0(function):
    with pytest.raises(OptionError, match="seed must be at least 0, got -1"):
        function(seed=-1, examples=1)


def test_a_benchmark_with_an_unknown_baseline_writes_nothing(tmp_path):
    results = Benchmark("title", {}, [])
    report = Report(tmp_path / "a.json", tmp_path / "a.csv", None, None, "nobody", False)
    with pytest.raises(OptionError, match="unknown baseline 'nobody'"):
        report.write(results)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no devices in the file system")
def test_tables_and_trajectories_are_regular_files(tmp_path):
    endless = tmp_path / "endless.csv"
    endless.symlink_to("/dev/zero")
    for read in (metrics.Results.read, read_trajectory):
        with pytest.raises(SpatialkitError, match="is not a regular file"):
            read(endless)
