"""Reports: files, measurements, advice; sound is tested in a browser."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

import spatialkit
from spatialkit.commands.cli import main
from spatialkit.errors import AudioFileError, LayoutError, OptionError, ShapeError, SignalError
from spatialkit.report import (
    ChannelMeasure,
    IndexEntry,
    Measure,
    advice,
    data_url,
    design_chain,
    encode_pairs,
    png,
    shades,
    write_index,
    write_report,
)

RATE = 48000


def noise(form, rng, seconds=1.0, level=0.1, rate=RATE):
    where = spatialkit.get_format(form)
    samples = level * rng.standard_normal((where.n_channels, round(seconds * rate)))
    return spatialkit.Audio(samples.astype(np.float32), rate, form)


class Page(HTMLParser):
    """Elements and texts of a report; elements that are open must be closed."""

    VOID = ("br", "img", "input", "link", "meta", "rect", "path", "circle")

    def __init__(self, path):
        super().__init__()
        self.stack, self.found, self.texts = [], [], {}
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)
        assert self.stack == []
        self.data = json.loads(self.texts["data"])

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.stack.append((tag, dict(attributes).get("id")))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.stack.pop()[0] == tag

    def handle_data(self, data):
        if self.stack and self.stack[-1][1]:
            self.texts[self.stack[-1][1]] = data


def test_a_report_is_one_file_without_outside_addresses(tmp_path, rng):
    upmix, original = noise("7.1.4", rng), noise("stereo", rng)
    report = write_report(tmp_path / "report.html", upmix, original=original)
    assert report.path == tmp_path / "report.html"
    assert report.size == report.path.stat().st_size
    page = Page(report.path)
    for tag, attributes in page.found:
        for name in ("src", "href"):
            value = attributes.get(name, "data:")
            assert value.startswith("data:"), (tag, value[:80])
    assert not re.search(r"https?://", page.text)
    assert "url(" not in page.text
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_the_excerpt_in_the_page_is_that_of_the_audio(tmp_path, rng):
    audio = noise("5.1", rng, seconds=3.0, level=0.01)
    audio.samples[:, RATE : 2 * RATE] *= 20.0  # the loudest second
    report = write_report(tmp_path / "a.html", audio, excerpt=1.0, carrier="flac")
    assert (report.start, report.duration) == (1.0, 1.0)
    page = Page(report.path)
    (version,) = page.data["audio"]
    pairs = [
        soundfile.read(io.BytesIO(base64.b64decode(page.texts[f"audio-{n}"])), always_2d=True)[0].T
        for n in range(version["files"])
    ]
    found = version["gain"] * np.concatenate(pairs)
    # 24 bits
    np.testing.assert_allclose(found, audio.samples[:, RATE : 2 * RATE], atol=3e-7)
    later = write_report(tmp_path / "b.html", audio, excerpt=1.0, start=1.5)
    assert (later.start, later.duration) == (1.5, 1.0)


def test_other_sample_rates_are_resampled(tmp_path, rng):
    report = write_report(tmp_path / "a.html", noise("5.1", rng, rate=44100))
    page = Page(report.path)
    assert page.data["samples"] == RATE
    assert "44100 Hz" in page.text


def test_measurements_are_those_of_the_metrics(tmp_path, rng):
    stereo = noise("stereo", rng, seconds=2.0)
    upmix = spatialkit.get_upmixer("ambience", layout="5.1").upmix(stereo.samples, RATE)
    audio = spatialkit.Audio(upmix, RATE, "5.1")
    report = write_report(tmp_path / "report.html", audio, original=stereo)
    values = {each.name: each for each in report.measures}
    loudness = spatialkit.metrics.loudness
    assert values["loudness"].value == pytest.approx(float(loudness(audio)))
    assert values["loudness"].original == pytest.approx(float(loudness(stereo)))
    assert values["true_peak"].value == spatialkit.metrics.true_peak(audio).max()
    error = spatialkit.metrics.downmix_error(audio.samples, stereo.samples, "5.1")
    assert values["downmix_snr"].value == pytest.approx(float(error), abs=1e-6)
    front = np.sum(np.square(upmix[:3], dtype=np.float64))
    rear = np.sum(np.square(upmix[4:], dtype=np.float64))
    assert values["surround_level"].value == pytest.approx(10.0 * np.log10(rear / front))
    assert set(report.correlations) == {"FL FR", "SL SR"}
    assert "height_level" not in values


def test_the_gain_of_a_peak_guard_is_undone(tmp_path, rng):
    stereo = noise("stereo", rng)
    audio = spatialkit.Audio(0.5 * stereo.samples, RATE, "stereo")
    options = {"original": stereo, "gain_db": 20.0 * np.log10(0.5)}
    report = write_report(tmp_path / "report.html", audio, **options)
    snr = next(each.value for each in report.measures if each.name == "downmix_snr")
    assert snr > 100.0


@pytest.mark.parametrize("form", ["mono", "stereo", "22.2", "foa", "fuma1", "ambix5"])
def test_every_format_has_a_report(tmp_path, rng, form):
    report = write_report(tmp_path / "report.html", noise(form, rng))
    page = Page(report.path)
    channels = min(spatialkit.get_format(form).n_channels, 24 if form == "22.2" else 16)
    assert len(page.data["labels"]) == channels
    assert sum(tag == "figcaption" for tag, _ in page.found) == channels + 2


def test_silence_and_short_audio_have_a_report(tmp_path):
    for samples in (1, 100, RATE):
        audio = spatialkit.Audio(np.zeros((6, samples)), RATE, "5.1")
        report = write_report(tmp_path / "report.html", audio, overwrite=True)
        assert report.advice == ("All channels are silent.",)


def test_the_report_of_half_a_minute_of_7_1_4_is_small(tmp_path):
    """At most 6 MB, with the original."""
    song = spatialkit.read(spatialkit.sample_path())
    upmix = spatialkit.get_upmixer("ambience", layout="7.1.4").upmix(song.samples, song.sample_rate)
    audio = spatialkit.Audio(upmix, song.sample_rate, "7.1.4")
    report = write_report(tmp_path / "report.html", audio, original=song)
    assert report.duration == pytest.approx(30.0, abs=0.1)
    assert 1e6 < report.size < 6e6
    assert report.advice == ()


def test_names_cannot_change_the_page(tmp_path, rng):
    title = '<script>alert(1)</script>$data & "quotes"'
    layout = spatialkit.Layout("</script>", ["<b>", "$x", "LFE"], [30.0, -30.0, 0.0])
    audio = spatialkit.Audio(noise("3.0", rng).samples, RATE, layout)
    report = write_report(
        tmp_path / "report.html", audio, title=title, settings={"<i>": "</script><b>"}
    )
    page = Page(report.path)
    assert sum(tag == "script" for tag, _ in page.found) == 2 + 2 + 1
    assert not [tag for tag, _ in page.found if tag in ("b", "i")]
    assert page.data["labels"] == ["<b>", "$x", "LFE"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"path": "report.txt"}, AudioFileError, r"unsupported output extension '.txt'"),
        ({"excerpt": 0.5}, OptionError, "excerpt"),
        ({"order": 8}, OptionError, "order"),
        ({"carrier": "mp3"}, OptionError, "carrier"),
        ({"start": 5.0}, OptionError, "start"),
        ({"audio": "ambix7"}, LayoutError, "at most 32 channels"),
        ({"original": 2.0}, ShapeError, "as long as the audio"),
        ({"audio": np.nan}, SignalError, "nan"),
        ({"audio": None}, LayoutError, "does not specify the format of its 6 channels"),
    ],
)
def test_invalid_arguments_are_refused_and_nothing_is_written(
    tmp_path, rng, options, error, message
):
    audio = noise("5.1", rng)
    wanted = dict(options)
    given = wanted.pop("audio", "5.1")
    if given == "ambix7":
        audio, wanted["order"] = noise("ambix7", rng, seconds=0.1), 7
    elif given is None:
        audio = spatialkit.Audio(audio.samples, RATE)
    elif given is np.nan:
        audio.samples[2, 7] = np.nan
    if "original" in wanted:
        wanted["original"] = noise("stereo", rng, seconds=wanted["original"])
    with pytest.raises(error, match=message):
        write_report(tmp_path / wanted.pop("path", "report.html"), audio, **wanted)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_report_is_not_replaced_by_accident(tmp_path, rng):
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(AudioFileError, match="exists"):
        write_report(path, noise("stereo", rng))
    assert path.read_text() == "mine"


# Advice.


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        (Measure("true_peak", "", 0.3, "dBTP"), "lower the level by 1.3 dB"),
        (Measure("loudness", "", -14.0, "LUFS", -18.0), "4.0 LU louder"),
        (Measure("loudness", "", -20.0, "LUFS", -18.0), "2.0 LU softer"),
        (Measure("downmix_snr", "", 12.0, "dB"), "exact_downmix=true"),
        (Measure("surround_level", "", 3.0, "dB"), "behind the listener"),
        (Measure("correlation", "", -0.6, ""), "cancel in mono"),
    ],
)
def test_unusual_values_have_advice(measure, words):
    (sentence,) = advice([measure], [], {})
    assert words in sentence
    assert sentence.endswith(".")


def test_usual_values_have_no_advice():
    usual = [Measure("true_peak", "", -1.5, "dBTP"), Measure("loudness", "", -18.5, "LUFS", -18.0)]
    usual += [Measure("surround_level", "", -8.0, "dB"), Measure("downmix_snr", "", np.nan, "dB")]
    channels = [
        ChannelMeasure("FL", -20.0, -3.0, -90.0),
        ChannelMeasure("LFE", *[-200.0] * 3, True),
    ]
    assert advice(usual, channels, {"SL SR": 0.1}) == []


def test_channels_and_pairs_have_advice():
    channels = [
        ChannelMeasure("FL", -20.0, -3.0, -90.0),
        ChannelMeasure("SL", -200.0, -200.0, -200.0),
        ChannelMeasure("SR", -20.0, -3.0, -30.0),
    ]
    energy = [Measure("energy_azimuth", "", 40.0, "degrees"), Measure("energy_length", "", 0.5, "")]
    found = advice(energy, channels, {"SL SR": 0.995, "FL FR": -0.8})
    assert [each.split(" ")[0] for each in found] == ["The", "SL", "FL", "SL", "SR"]
    assert "to the left" in found[0]
    assert "is silent" in found[3]


# Parts.


def test_pictures_are_png(tmp_path):
    image = pytest.importorskip("matplotlib.image")
    values = shades(np.linspace(-60.0, 0.0, 256)[None], -60.0, 0.0)
    assert values.tolist() == [list(range(256))]
    (tmp_path / "a.png").write_bytes(png(values))
    found = image.imread(tmp_path / "a.png")
    cividis = pytest.importorskip("matplotlib").colormaps["cividis"](np.arange(256))
    # Eleven colours are interpolated.
    np.testing.assert_allclose(found[0, :, :3], cividis[:, :3], atol=0.035)
    assert data_url(b"abc") == "data:image/png;base64,YWJj"


def test_the_chain_is_that_of_the_renderer(rng):
    audio = noise("7.1.4", rng, seconds=0.2)
    chain = design_chain(audio.format, 3)
    scene = chain.matrix @ audio.samples
    expected = spatialkit.binauralize(scene, chain.filters)
    found = chain.to_ears(audio.samples)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    identity = spatialkit.spherical_harmonics(
        *spatialkit.geometry.to_spherical(chain.vectors)[:2], order=3
    )
    np.testing.assert_allclose(identity.T @ chain.inverse, np.eye(16), atol=1e-12)


def test_pairs_above_full_scale_are_scaled():
    audio = np.array([[0.5, -3.0, 1.0]] * 3)
    files, gain = encode_pairs(audio, "flac")
    assert len(files) == 2
    decoded = soundfile.read(io.BytesIO(files[1]), always_2d=True)[0].T
    np.testing.assert_allclose(gain * decoded, audio[2:], atol=1e-6)


# Commands.


@pytest.fixture
def song(tmp_path, rng):
    audio = noise("stereo", rng, seconds=1.5)
    spatialkit.write(tmp_path / "song.wav", audio.samples, RATE, format="stereo")
    return tmp_path / "song.wav"


def test_the_command_writes_a_report(tmp_path, song, capsys):
    target = tmp_path / "report.html"
    assert main(["report", str(song), "-o", str(target), "--title", "A song"]) == 0
    assert f"{target}: report, " in capsys.readouterr().out
    assert "<title>A song - spatialkit report</title>" in target.read_text(encoding="utf-8")
    assert main(["report", str(song), "-o", str(target)]) == 2
    assert "add --force" in capsys.readouterr().err
    assert main(["report", str(song), "-o", str(target), "--force", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["output"] == str(target)
    assert "loudness" in facts["measures"]


def test_several_files_have_reports_in_a_folder(tmp_path, song, capsys):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    folder = tmp_path / "reports"
    assert main(["report", str(song), str(broken), "-o", str(folder)]) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["index.html", "song.html"]
    assert "broken.wav" in capsys.readouterr().err
    index = (folder / "index.html").read_text(encoding="utf-8")
    assert '<a href="song.html">song</a>' in index
    assert "2 songs, " in index
    assert ", 1 failed." in index
    # A folder stands for its files, and OUT has its subfolders.
    (tmp_path / "album" / "disc 1").mkdir(parents=True)
    (tmp_path / "album" / "disc 1" / "a&b.wav").write_bytes(song.read_bytes())
    assert main(["report", str(tmp_path / "album"), "-o", str(folder), "--json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert facts["output"] == str(folder / "disc 1" / "a&b.html")
    index = (folder / "index.html").read_text(encoding="utf-8")
    assert '<a href="disc%201/a%26b.html">disc 1/a&amp;b</a>' in index
    song.rename(tmp_path / "index.wav")
    assert main(["report", str(tmp_path / "index.wav"), "-o", str(folder)]) == 2
    assert "would be the index: rename it" in capsys.readouterr().err


def test_an_index_lists_values_advice_and_errors(tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    entries = [
        IndexEntry("a <b>", folder / "a.html", {"loudness": -18.04, "downmix_snr": "inf"}),
        IndexEntry("c", folder / "c.html", {"true_peak": None}, ["Lower the level."]),
        IndexEntry("d", error="d is <truncated>"),
    ]
    write_index(tmp_path / "album" / "index.html", entries, title="Album & more")
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert "<h1>Album &amp; more</h1>" in text
    assert "3 songs, 1 with advice, 1 failed." in text
    assert '<a href="a.html">a &lt;b&gt;</a></th><td data-label="loudness">-18.0 LUFS</td>' in text
    assert '<td data-label="true peak">-</td><td data-label="downmix SNR">∞</td>' in text
    assert "<p>Lower the level.</p>" in text
    assert "failed: d is &lt;truncated&gt;" in text
    assert not re.search("https?://", text)


def test_upmix_writes_a_report_beside_the_output(tmp_path, song, capsys):
    target = tmp_path / "surround.wav"
    arguments = ["upmix", str(song), "-o", str(target), "--layout", "5.1", "--report"]
    assert main([*arguments, "--json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)
    path = tmp_path / "surround.report.html"
    assert facts["report"]["output"] == str(path)
    assert facts["report"]["measures"]["downmix_snr"] > 100.0
    page = Page(path)
    assert [each["name"] for each in page.data["audio"]] == ["audio", "original"]
    assert "<dt>upmixer</dt><dd>ambience</dd>" in page.text
    assert main(arguments) == 2
    assert "exists" in capsys.readouterr().err
    assert main([*arguments[:3], "-", *arguments[4:]]) == 2
    assert "--report writes two files" in capsys.readouterr().err
