"""Plots: axes, labels and limits; no figure stays open, no setting changes."""

import io
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import spatialkit
from spatialkit import plots
from spatialkit.benchmarks import Benchmark, Row
from spatialkit.errors import OptionError, ShapeError, SpatialkitError
from spatialkit.results import Bar, Metric, Panel

matplotlib = pytest.importorskip("matplotlib")
pytest.importorskip("matplotlib.style")

RATE = 8000


@pytest.fixture(autouse=True)
def _no_state():
    """Compare the settings of matplotlib, and the open figures, before and after each test."""
    from matplotlib import _pylab_helpers

    before = dict(matplotlib.rcParams)
    figures = len(_pylab_helpers.Gcf.get_all_fig_managers())
    yield
    assert dict(matplotlib.rcParams) == before
    assert len(_pylab_helpers.Gcf.get_all_fig_managers()) == figures


@pytest.fixture
def surround(rng):
    return spatialkit.Audio(0.1 * rng.standard_normal((12, RATE)), RATE, "7.1.4")


def every_plot(surround):
    """Each plot with its data."""
    room = spatialkit.get_layout("5.1").move({"FL": 24.0}, {"SR": 12.0})
    gains = spatialkit.vbap_gains(40.0, 20.0, layout="7.1.4")
    stereo = surround.samples[:2]
    panel = Panel("SNR, dB", "higher is better", (Bar("a", 3.0, 2.0, 4.0, (2.5, 3.5)),))
    yield "plot_layout", ("7.1.4",), {"gains": gains, "source": (40.0, 20.0)}
    yield "plot_layout", (room,), {}
    yield "plot_layout", ("22.2",), {"view": "3d"}
    yield "plot_gains", ("5.1",), {"spread": 30.0}
    yield "plot_gains", ("7.1.4",), {"channel": "TFL", "order": 3}
    yield "plot_energy_vectors", ("5.1",), {"order": 1}
    yield "plot_decoder_report", (spatialkit.decoder_report("7.1.4", 2),), {}
    yield "plot_decoder_report", (spatialkit.decoder_report("stereo", 1),), {}
    yield "plot_levels", (surround,), {}
    yield "plot_spectrograms", (surround,), {}
    yield "plot_energy_map", (surround,), {"layout": "7.1.4", "seconds": 0.5}
    yield "plot_anglegram", (surround,), {}
    yield "plot_anglegram", (surround,), {"method": "beams", "reference": 1.0}
    yield "plot_goniometer", (stereo,), {}
    yield "plot_trajectory", ([0.0, 90.0], [0.0, 45.0]), {"layout": "5.1"}
    yield "plot_hrtf", ("ku100",), {"ear": "right"}
    yield "plot_style", ({"vocals": 0.0, "drums": [30.0, -30.0]},), {}
    yield "plot_benchmark", ([panel, panel, panel],), {}
    yield "plot_curves", ([100.0, 1000.0], {"a": [0.0, -3.0], "b": [-1.0, np.nan]}), {"log_x": True}
    yield "plot_matrix", ([[0.0, 1.0]], ["L"], ["FL", "FR"]), {}
    yield "plot_points", ({"a": [[0.0, 1.0]]},), {"background": [[1.0, 1.0]]}


def test_every_plot_draws_and_names_its_axes(surround):
    drawn = set()
    for name, data, options in every_plot(surround):
        axes = np.ravel(getattr(plots, name)(*data, **options))
        axes[0].figure.savefig(io.BytesIO(), dpi=20)  # draws everything, warnings are errors
        assert axes[0].has_data(), name
        drawn.add(name)
    assert drawn == {name for name in plots.__all__ if name.startswith("plot_")}


def test_plots_draw_in_the_axes_that_they_are_given(surround):
    counts = {"plot_decoder_report": 3, "plot_spectrograms": 12, "plot_benchmark": 3}
    for name, data, options in every_plot(surround):
        if options.get("view") == "3d":
            continue
        axes = plots.new_figure().subplots(1, counts.get(name, 1), squeeze=False)[0]
        found = getattr(plots, name)(*data, ax=axes if name in counts else axes[0], **options)
        assert np.ravel(found).tolist() == axes.tolist(), name
    with pytest.raises(OptionError, match="12 axes, one per panel, got 1"):
        plots.plot_spectrograms(surround, ax=[axes[0]])


def test_plots_are_readable_on_dark_backgrounds():
    with matplotlib.style.context("dark_background"):
        axes = plots.plot_layout("5.1", source=(0.0, 0.0))
        star = axes.collections[-1].get_facecolor()[0]
        assert star[:3].min() == 1.0  # white, as text
    background = {"white": 1.0, "black": 0.0}
    for colour in plots.PALETTE:
        luminance = relative_luminance(matplotlib.colors.to_rgb(colour))
        for other in background.values():
            low, high = sorted((luminance, other))
            assert (high + 0.05) / (low + 0.05) >= 2.0, colour


def relative_luminance(rgb):
    """Relative luminance of sRGB (WCAG 2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_loudspeakers_are_where_the_layout_specifies_from_above():
    axes = plots.plot_layout("7.1.4")
    texts = {text.get_text(): text.get_position() for text in axes.texts}
    assert texts["FC"] == pytest.approx((0.0, 1.0))
    assert texts["SL"] == pytest.approx((-1.0, 0.0))
    # 45 degrees of elevation is half way to the centre.
    assert texts["TBR"] == pytest.approx((np.sqrt(0.125), -np.sqrt(0.125)))
    assert "LFE" not in texts
    assert "no direction: LFE" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_a_moved_loudspeaker_is_connected_to_its_nominal_direction():
    nominal = plots.plot_layout("5.1")
    moved = plots.plot_layout(spatialkit.get_layout("5.1").move({"FL": 20.0}))
    assert len(moved.lines) == len(nominal.lines) + 1
    ends = moved.lines[-1].get_xydata()
    np.testing.assert_allclose(ends, plots.from_above([30.0, 20.0]))


def test_gain_lines_are_the_gains():
    axes = plots.plot_gains("5.0", spread=20.0)
    azimuth = axes.lines[0].get_xdata()
    gains = spatialkit.vbap_gains(azimuth, layout="5.0", spread=20.0)
    for number in range(5):
        np.testing.assert_array_equal(axes.lines[number].get_ydata(), gains[:, number])
    assert axes.get_xlim() == (180.0, -180.0)  # left on the left


def test_the_decoder_report_shows_the_values_of_the_report():
    report = spatialkit.decoder_report("5.0", 1)
    energy, length, error = report.plot()
    shown = {axes: axes.lines[0].get_ydata() for axes in (energy, length, error)}
    # The lines have values every degree, as the report.
    assert np.nanmin(shown[energy]) == pytest.approx(report.energy_min_db, abs=0.01)
    assert np.nanmax(shown[energy]) == pytest.approx(report.energy_max_db, abs=0.01)
    assert np.nanmin(shown[length]) == pytest.approx(report.re_length_min, abs=0.001)
    assert np.nanmax(shown[error]) == pytest.approx(report.direction_error_max, abs=0.1)


def test_benchmarks_have_one_panel_per_metric():
    metrics = tuple(Metric(name, name, "dB", "higher", "") for name in ("snr", "sdr", "isr"))
    rows = tuple(
        Row(system, values={name: (1.0, 2.0, float("inf")) for name in ("snr", "sdr", "isr")})
        for system in ("a", "b")
    )
    results = Benchmark("title", metrics, rows)
    axes = results.plot()
    assert [each.get_title() for each in axes] == ["snr, dB", "sdr, dB", "isr, dB"]
    assert [text.get_text() for text in axes[0].get_yticklabels()] == ["a", "b"]
    assert "inf" in axes[0].texts[0].get_text()
    assert axes[0].figure.get_size_inches()[0] <= 7.0  # readable in a column of 880 pixels


def test_figures_are_written_atomically(tmp_path):
    figure = plots.plot_layout("stereo").figure
    plots.write_figure(figure, tmp_path / "layout.png")
    assert (tmp_path / "layout.png").read_bytes()[1:4] == b"PNG"
    with pytest.raises(SpatialkitError, match="cannot be written"):
        plots.write_figure(figure, tmp_path / "layout.unknown")
    assert [path.name for path in tmp_path.iterdir()] == ["layout.png"]


def test_figures_show_themselves_in_notebooks():
    assert plots.plot_layout("stereo").figure._repr_png_()[1:4] == b"PNG"


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SpatialkitError, match=r"pip install 'spatialkit-audio\[plot\]'"):
        plots.plot_layout("5.1")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plots.plot_layout("5.1", gains=[1.0]), ShapeError, "one per channel"),
        (lambda: plots.plot_gains("5.1", channel="TFL"), OptionError, "channel"),
        (lambda: plots.plot_gains("5.1", order=1, spread=9.0), OptionError, "amplitude panning"),
        (lambda: plots.plot_decoder_report("5.1"), OptionError, "decoder_report"),
        (lambda: plots.plot_benchmark([]), OptionError, "no metric"),
        (lambda: plots.plot_benchmark(3), OptionError, "panels"),
        (lambda: plots.plot_style(3), OptionError, "mapping"),
        (lambda: plots.plot_levels(np.ones((2, 9))), OptionError, "sample_rate"),
        (lambda: plots.plot_goniometer(np.ones((3, 9))), ShapeError, "2 channels"),
        (lambda: plots.plot_hrtf(ear="middle"), OptionError, "ear"),
    ],
)
def test_invalid_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


class Outline(HTMLParser):
    """Elements of a page; open ones must be closed."""

    VOID = ("br", "img", "rect", "path", "circle")

    def __init__(self, text):
        super().__init__()
        self.stack, self.found = [], []
        self.feed(text)
        assert self.stack == []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.stack.pop() == tag


def test_objects_describe_themselves_as_html(surround):
    results = Benchmark("<title>", (Metric("snr", "SNR", "dB", "higher", ""),), (Row("a<b"),))
    stereo = spatialkit.Audio(surround.samples[:2], RATE)
    for item in (spatialkit.get_layout("5.1"), spatialkit.decoder_report("5.1"), surround, stereo,
                 results):  # fmt: skip
        text = item._repr_html_()
        Outline(text)
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "<title>" not in text


def test_audio_has_a_small_player():
    rate = 48000
    noise = 0.1 * np.random.default_rng(0).standard_normal((4, 31 * rate)).astype(np.float32)
    text = spatialkit.Audio(noise, rate, "foa")._repr_html_()
    assert "first 30 s, on headphones" in text
    assert 100_000 < len(text) < 2_000_000
    (source,) = [a["src"] for tag, a in Outline(text).found if tag == "audio"]
    assert source.startswith("data:audio/mpeg;base64,")
    unknown = spatialkit.Audio(noise[:3, :rate], rate)._repr_html_()
    assert "<audio" not in unknown
    assert "silent" in spatialkit.Audio(np.zeros((2, 100)), rate, "stereo")._repr_html_()
    for odd in (np.zeros((2, 0)), np.full((2, 9), np.nan), np.zeros((3, 2, 9))):
        assert "Audio(" in spatialkit.Audio(odd, rate)._repr_html_()


def test_the_plan_as_svg_has_an_element_per_loudspeaker():
    layout = spatialkit.get_layout("7.1.4")
    found = Outline(plots.layout_svg(layout)).found
    channels = [int(a["data-channel"]) for tag, a in found if "data-channel" in a]
    assert channels == layout.loudspeakers.tolist()
    label = found[0][1]["aria-label"]
    assert "TBL at azimuth 135, elevation 45" in label
