"""`evaluate_batch`, `Results` and `compare_systems`: tables, files, intervals and tests."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import stats

from spatialkit.errors import AudioFileError, OptionError, SpatialkitError
from spatialkit.files import write
from spatialkit.metrics import (
    METRICS,
    Results,
    bibtex,
    citation,
    compare_systems,
    evaluate,
    evaluate_batch,
    holm_bonferroni,
)
from spatialkit.metrics.citations import ENTRIES, SOURCES, STATISTICS


def songs(count):
    return [{"reference": f"song {number}"} for number in range(count)]


@pytest.fixture
def pair_of_systems(rng):
    """Two systems: the second has 1 dB more, a lower WILD, and the same ILD error."""
    level, spread = rng.normal(10.0, 3.0, 40), rng.normal(0.0, 0.5, 40)
    error = rng.uniform(1.0, 2.0, 40)
    first = Results(songs(40), {"snr": level, "wild": 2.0 * level, "ild_error": error})
    second = Results(
        songs(40), {"snr": level + 1.0 + spread, "wild": 1.8 * level, "ild_error": error}
    )
    return first, second


def test_a_batch_has_a_row_per_pair_and_errors_stop_nothing(rng, tmp_path):
    signals = rng.uniform(-0.5, 0.5, (4, 2, 8000)).astype(np.float32)
    write(tmp_path / "a.wav", signals[0], 48000, subtype="FLOAT")
    pairs = [
        (tmp_path / "a.wav", tmp_path / "a.wav"),
        {"reference": signals[1], "estimate": signals[2], "layout": "stereo", "system": "x"},
        (signals[1], signals[2][:1]),
        (tmp_path / "missing.wav", signals[3]),
    ]
    results = evaluate_batch(pairs)
    assert len(results) == 4
    assert results["snr"][0] == np.inf
    expected = evaluate(signals[1], signals[2], layout="stereo")
    assert {name: results[name][1] for name in expected} == expected
    assert results.items[0]["reference"] == str(tmp_path / "a.wav")
    assert [item["estimate"] for item in results.items][1:] == ["1", "2", "3"]
    assert results.items[1]["system"] == "x"
    assert results.failed.tolist() == [False, False, True, True]
    assert "must have the same shape" in results.items[2]["error"]
    assert np.isnan(results["snr"][2:]).all()
    with ThreadPoolExecutor(2) as pool:
        parallel = evaluate_batch(pairs, executor=pool)
    assert list(parallel.items) == list(results.items)
    assert parallel["wild"] == pytest.approx(results["wild"], nan_ok=True, rel=0)


def test_jobs_are_worker_processes(rng):
    signals = rng.standard_normal((2, 2, 4000))
    results = evaluate_batch([signals, tuple(signals)][1:], jobs=2, metrics="si_sdr")
    assert results["si_sdr"] == [evaluate(*signals, metrics="si_sdr")["si_sdr"]]


def test_invalid_pairs_are_one_sentence(rng):
    with pytest.raises(OptionError, match="pair 0 must be a tuple"):
        evaluate_batch(["a.wav"])
    with pytest.raises(OptionError, match="pair 0 has no estimate"):
        evaluate_batch([{"reference": np.zeros((2, 3))}])
    with pytest.raises(OptionError, match="mutually exclusive"):
        evaluate_batch([], jobs=2, executor=ThreadPoolExecutor())
    batches = evaluate_batch([rng.standard_normal((2, 3, 2, 100))[i] for i in ()])
    assert len(batches) == 0
    found = evaluate_batch([tuple(rng.standard_normal((2, 3, 2, 100)))])
    assert "must be one item" in found.items[0]["error"]


def test_files_keep_every_value(tmp_path):
    items = [
        {"system": "a", "reference": "x, y.wav", "error": ""},
        {"system": "a", "reference": 'quoted "z".wav', "error": ""},
        {"system": "b", "reference": "ü.wav", "error": "it is broken"},
    ]
    values = {"snr": [math.inf, 0.1 + 0.2, math.nan], "own metric": [math.nan, -math.inf, math.nan]}
    results = Results(items, values)
    results.to_csv(tmp_path / "a.csv")
    results.to_json(tmp_path / "a.json")
    lines = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "system,reference,error,snr,own metric"
    assert lines[1].endswith(",,inf,nan")
    assert lines[3].endswith(",it is broken,,")
    for name in ("a.csv", "a.json"):
        found = Results.read(tmp_path / name)
        assert list(found.items) == items
        for metric, column in values.items():
            assert found[metric].tolist() == pytest.approx(column, nan_ok=True, rel=0)
    frame = pytest.importorskip("pandas").read_csv(tmp_path / "a.csv")
    assert frame["snr"][1] == 0.1 + 0.2
    assert results.to_pandas()["snr"][1] == 0.1 + 0.2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no line below its header"),
        ("reference,estimate\na,b\n", "has no column of numbers"),
        ("{}", "not JSON of results"),
        ('{"items": 3}', "not JSON of results"),
        ('{"items": [3]}', "not JSON of results"),
    ],
)
def test_other_files_are_refused(tmp_path, text, words):
    (tmp_path / "a").write_text(text)
    with pytest.raises(OptionError, match=words):
        Results.read(tmp_path / "a")


def test_missing_files_and_binary_files_are_refused(tmp_path):
    with pytest.raises(AudioFileError, match="cannot be read: No such file"):
        Results.read(tmp_path / "none.csv")
    (tmp_path / "a").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(OptionError, match="not text in UTF-8"):
        Results.read(tmp_path / "a")


def test_the_summary_is_that_of_scipy(rng):
    values = rng.standard_exponential(30)
    items = [*songs(30), {"reference": "u"}, {"reference": "f", "error": "broken"}]
    column = [*values, math.nan, math.nan]
    (found,) = Results([{"error": "", **item} for item in items], {"snr": column}).summary()
    assert (found.count, found.undefined, found.failed) == (30, 1, 1)
    assert found.mean == pytest.approx(values.mean(), rel=1e-12)
    assert found.median == np.median(values)
    assert found.deviation == pytest.approx(values.std(ddof=1), rel=1e-12)
    expected = stats.bootstrap(
        (values,), np.mean, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    # two bootstraps of 9999 resamples differ by about 2 % of the width
    width = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.05 * width)
    assert found.high == pytest.approx(expected.high, abs=0.05 * width)
    # an interval of resampled means never leaves the range of the values
    (angles,) = Results(songs(4), {"energy_vector_angle": [0.0, 0.0, 0.0, 170.0]}).summary()
    assert 0.0 <= angles.low <= angles.high <= 170.0


def test_a_summary_of_infinite_few_or_equal_values():
    (found,) = Results(songs(3), {"snr": [1.0, 2.0, math.inf]}).summary()
    assert (found.mean, found.median) == (math.inf, 2.0)
    assert math.isnan(found.low)
    (single,) = Results(songs(1), {"snr": [3.0]}).summary()
    assert single.mean == 3.0
    assert math.isnan(single.low)
    (equal,) = Results(songs(5), {"snr": [3.0] * 5}).summary()
    assert (equal.low, equal.high, equal.deviation) == (3.0, 3.0, 0.0)
    (none,) = Results(songs(2), {"snr": [math.nan] * 2}).summary()
    assert (none.count, none.undefined) == (0, 2)


def test_tests_are_those_of_scipy_and_holm(pair_of_systems):
    first, second = pair_of_systems
    comparison = first.compare(second, ("old", "new"))
    snr, wild, error = comparison.tests
    assert [test.metric for test in comparison.tests] == ["snr", "wild", "ild_error"]
    for test in (snr, wild):
        differences = second[test.metric] - first[test.metric]
        assert test.p == stats.wilcoxon(differences).pvalue
        assert test.difference == pytest.approx(differences.mean(), rel=1e-12)
        assert test.low < differences.mean() < test.high
        assert test.better == "new"
    assert (error.p, error.difference, error.effect, error.better) == (1.0, 0.0, 0.0, "")
    adjusted = holm_bonferroni([test.p for test in comparison.tests])
    assert [test.p_adjusted for test in comparison.tests] == adjusted.tolist()
    # by hand: the rank sum of positive differences minus that of negative ones
    differences = second["snr"] - first["snr"]
    ranks = stats.rankdata(np.abs(differences))
    expected = (ranks[differences > 0].sum() - ranks[differences < 0].sum()) / ranks.sum()
    assert snr.effect == pytest.approx(expected, rel=1e-12)
    text = comparison.statement()
    assert text.startswith("new is better than old in SNR (+")
    assert text.endswith("No significant difference between old and new was found in ILD error.")
    assert "p < 0.0001" in text


def test_items_are_matched_by_reference_and_the_others_are_dropped(pair_of_systems):
    first, second = pair_of_systems
    order = np.random.default_rng(3).permutation(40)[:30]
    items = [{**second.items[place], "estimate": f"{place}.wav"} for place in order]
    shuffled = Results(items, {name: second[name][order] for name in second.metrics})
    comparison = first.compare(shuffled)
    assert (comparison.items, comparison.dropped) == (30, 10)
    expected = (second["snr"] - first["snr"])[order].mean()
    assert comparison.tests[0].difference == pytest.approx(expected, rel=1e-12)
    broken = Results(
        [{**item, "error": "x" if place == 4 else ""} for place, item in enumerate(songs(40))],
        dict(second.values),
    )
    assert first.compare(broken).items == 39


def test_metrics_near_0_are_compared_by_magnitude(rng):
    wrong = rng.choice([-3.0, 3.0], 20)
    first = Results(songs(20), {"loudness_difference": wrong})
    second = Results(songs(20), {"loudness_difference": -0.5 * wrong})
    (test,) = first.compare(second).tests
    assert (test.difference, test.better) == (-1.5, "b")


def test_infinite_values_have_the_highest_ranks():
    first = Results(songs(10), {"snr": [10.0] * 9 + [math.inf]})
    second = Results(songs(10), {"snr": [*range(11, 19), math.inf, math.inf]})
    (test,) = first.compare(second).tests
    assert test.count == 10
    assert (test.difference, test.better, test.effect) == (math.inf, "b", 1.0)
    assert test.p == stats.wilcoxon([*range(1, 9), 100]).pvalue


def test_several_systems_in_one_table(pair_of_systems):
    first, second = pair_of_systems
    third = Results(songs(40), {"snr": first["snr"] + 2.0})
    table = Results.joined({"one": first, "two": second, "three": third})
    assert table.systems == ("one", "two", "three")
    comparison = compare_systems(table)
    assert comparison.metrics == ("snr", "wild", "ild_error")
    assert len(comparison.tests) == 9
    assert len(compare_systems(table, baseline="two", metrics="snr").tests) == 2
    text = compare_systems(table, metrics=["snr"]).to_markdown()
    assert "| SNR | three - one | +2.0 | 2.0 to 2.0 |" in text
    assert "over 40 items" in text
    with pytest.raises(OptionError, match="unknown baseline 'on'; did you mean 'one'"):
        compare_systems(table, baseline="on")
    with pytest.raises(OptionError, match="unknown metric 'snt'"):
        compare_systems(table, metrics="snt")


def test_what_cannot_be_compared_is_refused(pair_of_systems):
    first, _ = pair_of_systems
    with pytest.raises(OptionError, match="needs two systems, got 0"):
        compare_systems(first)
    other = Results([{"reference": "x"}], {"snr": [1.0]})
    with pytest.raises(OptionError, match="no item in common"):
        first.compare(other)
    with pytest.raises(OptionError, match="two items with reference 'x'"):
        first.compare(Results([{"reference": "x"}] * 2, {"snr": [1.0, 2.0]}))
    with pytest.raises(OptionError, match="none of the metrics in common"):
        first.compare(Results(songs(40), {"own": np.zeros(40)}))
    with pytest.raises(OptionError, match="values of 'snr' must have shape"):
        Results(songs(2), {"snr": [1.0]})


def test_every_metric_has_a_citation():
    assert SOURCES.keys() == METRICS.keys()
    used = {key for keys in SOURCES.values() for key in keys} | set(STATISTICS)
    assert used == ENTRIES.keys()
    for key, entry in ENTRIES.items():
        kind, _, rest = entry.partition("{")
        assert kind in ("@article", "@inproceedings", "@techreport", "@book")
        assert rest.startswith(f"{key},\n  author = {{")
        assert entry.count("{") == entry.count("}")
        assert "  year = {" in entry
    for name in METRICS:
        assert r"\cite{spatialkit}" in citation(name)
    text = bibtex(["wild", "snr"])
    assert [line.partition("{")[2] for line in text.splitlines() if line.startswith("@")] == [
        "leroux2019sdr,",
        "yang2022upmixing,",
        "spatialkit,",
    ]


def test_the_figure_shows_systems_and_metrics(pair_of_systems):
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    first, second = pair_of_systems
    table = Results.joined({"one": first, "two": second})
    figure = table.plot()
    titles = [axes.get_title() for axes in figure.axes if axes.get_visible()]
    assert titles == ["SNR, dB", "WILD, dB", "ILD error, dB"]
    assert figure.axes[0].get_xlabel() == "higher is better"
    axes = table.plot("wild")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two"]
    own = Figure().subplots()
    assert first.plot("snr", ax=own) is own
    # the interval and the mean of the summary
    found = first.summary()[0]
    segments = [line.get_xdata() for line in own.get_lines()]
    assert any(list(x) == [found.low, found.high] for x in segments)
    assert own.patches[0].get_width() == found.mean
    with pytest.raises(OptionError, match="ax shows one metric, got 3"):
        table.plot(ax=own)
    with pytest.raises(SpatialkitError, match="unknown metric 'snt'"):
        table.plot("snt")
