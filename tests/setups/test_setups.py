"""Loudspeaker setups: distances, levels, delays and bass management."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from spatialkit import Audio, Layout, LoudspeakerSetup, get_layout
from spatialkit.errors import LayoutError, OptionError, ShapeError, SpatialkitError
from spatialkit.realtime import SetupProcessor

RATE = 48000
SPEED = 343.2
BASS = Layout("2.1", ["FL", "FR", "LFE"], [30.0, -30.0, 0.0])


def impulse(layout, label, samples=8192):
    audio = np.zeros((get_layout(layout).n_channels, samples))
    audio[get_layout(layout).labels.index(label), 0] = 1.0
    return audio


def responses(signals):
    """Frequencies in Hz and complex responses of impulse responses."""
    return np.fft.rfftfreq(signals.shape[-1], 1.0 / RATE), np.fft.rfft(signals)


def test_nearer_loudspeakers_are_later_and_softer():
    """Direct sound of all loudspeakers arrives at the same time and level."""
    distance = np.array([2.5, 1.7, 3.1, 2.0])
    setup = LoudspeakerSetup("quad", distance)
    for channel, label in enumerate(get_layout("quad").labels):
        (out,) = setup.apply(impulse("quad", label), RATE)[[channel]]
        at = int(np.abs(out).argmax())
        arrival = at / RATE + distance[channel] / SPEED
        assert arrival == pytest.approx(3.1 / SPEED, abs=0.5 / RATE)
        assert out[at] / distance[channel] == pytest.approx(1.0 / 3.1, rel=1e-12)
        assert np.count_nonzero(out) == 1


def test_trims_and_delays_add_to_the_distances():
    setup = LoudspeakerSetup(
        "stereo", [2.0, 1.0], gain_db={"FL": -6.0}, delay=[0.0, 0.002], distance_exponent=0.0
    )
    assert setup.total_gain == pytest.approx([10.0**-0.3, 1.0])
    assert setup.total_delay == pytest.approx([0.0, 1.0 / SPEED + 0.002])


def test_channels_without_a_distance_count_as_the_farthest():
    setup = LoudspeakerSetup("5.1", {"SL": 1.0, "FL": 4.0})
    assert setup.total_gain.tolist() == [1.0, 1.0, 1.0, 1.0, 0.25, 1.0]
    assert LoudspeakerSetup("stereo").total_delay.tolist() == [0.0, 0.0]


def test_loudspeaker_and_subwoofer_add_up_to_an_all_pass():
    """Analytic magnitudes of Linkwitz-Riley filters of order 4, and a flat sum in phase."""
    out = LoudspeakerSetup(BASS, crossover=80.0).apply(impulse(BASS, "FL", 65536), RATE)
    hertz, spectrum = responses(out)
    warped = np.tan(np.pi * hertz / RATE) / np.tan(np.pi * 80.0 / RATE)
    assert np.abs(spectrum[2]) == pytest.approx(1.0 / (1.0 + warped**4), abs=1e-9)
    high = np.abs(1.0 - 1.0 / (1.0 + warped**4))
    assert np.abs(spectrum[0])[:-1] == pytest.approx(high[:-1], abs=1e-9)
    assert np.abs(spectrum[0] + spectrum[2]) == pytest.approx(np.ones(len(hertz)), abs=1e-9)
    assert not out[1].any()


def test_full_range_channels_feed_no_subwoofer():
    setup = LoudspeakerSetup("5.1", crossover={"SL": 120.0, "SR": 120.0})
    assert setup.subwoofers == {"LFE": ("SL", "SR", "LFE")}
    out = setup.apply(impulse("5.1", "FL"), RATE)
    assert np.array_equal(out, impulse("5.1", "FL"))


@pytest.mark.parametrize(("options", "db"), [({}, 0.0), ({"crossover": 80.0}, 10.0)])
def test_the_lfe_is_raised_where_subwoofers_have_the_level_of_loudspeakers(options, db):
    out = LoudspeakerSetup("5.1", **options).apply(impulse("5.1", "LFE"), RATE)
    assert out[3, 0] == pytest.approx(10.0 ** (db / 20.0))
    louder = LoudspeakerSetup("5.1", lfe_gain_db=3.0, **options).apply(impulse("5.1", "LFE"), RATE)
    assert louder[3, 0] == pytest.approx(10.0**0.15)


def test_several_subwoofers_share_what_all_of_them_reproduce():
    layout = Layout("4.2", ["FL", "FR", "SL", "SR", "LFE1", "LFE2"], [30, -30, 110, -110, 0, 0])
    feeds = {"LFE1": ["FL", "FR", "SL", "LFE1"], "LFE2": ["FL", "FR", "SR", "LFE1"]}
    setup = LoudspeakerSetup(layout, crossover=90.0, subwoofers=feeds, lfe_gain_db=0.0)
    bass = {
        label: np.abs(np.fft.rfft(setup.apply(impulse(layout, label, 65536), RATE)[4:])[:, 5])
        for label in layout.labels
    }
    assert bass["FL"] == pytest.approx([0.5, 0.5], abs=1e-3)
    assert bass["SL"] == pytest.approx([1.0, 0.0], abs=1e-3)
    assert bass["SR"] == pytest.approx([0.0, 1.0], abs=1e-3)
    assert bass["LFE1"] == pytest.approx([0.5, 0.5], abs=1e-9)
    # An LFE channel that is not listed is reproduced by its own subwoofer.
    assert bass["LFE2"] == pytest.approx([0.0, 1.0], abs=1e-9)


def test_band_limits():
    setup = LoudspeakerSetup("5.1", high_pass={"FL": 40.0}, low_pass={"LFE": 120.0})
    for label, channel, kept, lost, cut in [("FL", 0, 400, 5, 40), ("LFE", 3, 5, 2000, 120)]:
        hertz, spectrum = responses(setup.apply(impulse("5.1", label, RATE), RATE)[channel])
        level = dict(zip(hertz.round(), 20.0 * np.log10(np.abs(spectrum) + 1e-9), strict=True))
        assert level[kept] == pytest.approx(0.0, abs=0.01)
        assert level[cut] == pytest.approx(-6.02, abs=0.01)
        assert level[lost] < -60.0


def every_option():
    return LoudspeakerSetup(
        "7.1.4",
        np.linspace(1.5, 3.0, 12),
        gain_db={"FL": -1.7, "LFE": 2.25},
        delay={"TBL": 0.0013},
        crossover=80.0,
        high_pass={"LFE": 25.0},
        low_pass={"LFE": 150.0},
        lfe_gain_db=9.0,
        distance_exponent=0.8,
        speed_of_sound=345.0,
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_of_any_size_equal_the_whole(rng, dtype):
    audio = rng.standard_normal((12, 30000)).astype(dtype)
    setup = every_option()
    processor = SetupProcessor(setup, RATE)
    assert processor.latency == 0
    for _ in range(2):
        edges = np.cumsum([0, 1, 7, 0, 64, 8192, 3, 500, 21233])
        parts = [processor.process(audio[:, a:b]) for a, b in pairwise(edges)]
        joined = np.concatenate(parts, axis=1)
        assert joined.dtype == dtype
        assert np.abs(joined - setup.apply(audio, RATE)).max() < 1e-12
        processor.reset()


def test_batches_and_audio(rng):
    setup = every_option()
    batch = rng.standard_normal((2, 3, 12, 500)).astype(np.float32)
    whole = setup.apply(batch, RATE)
    assert whole.dtype == np.float32
    assert np.array_equal(whole[1, 2], setup.apply(Audio(batch[1, 2], RATE, "7.1.4")))
    assert setup.apply(np.zeros((12, 0)), RATE).shape == (12, 0)


def test_json_contains_everything(tmp_path):
    setup = every_option()
    path = tmp_path / "room.json"
    path.write_text(setup.to_json())
    again = LoudspeakerSetup.from_json(path)
    assert again == setup
    assert hash(again) == hash(setup)
    assert again.to_json() == setup.to_json()
    assert again != LoudspeakerSetup("7.1.4")
    assert SetupProcessor(str(path), RATE).layout == setup.layout
    # IEM plug-ins and Layout read the loudspeakers of the same file.
    assert json.loads(setup.to_json())["LoudspeakerLayout"]["Loudspeakers"][0]["Radius"] == 1.5


IEM = {
    "Name": "Room",
    "LoudspeakerLayout": {
        "Name": "Square",
        "Loudspeakers": [
            {
                "Azimuth": 45,
                "Elevation": 0,
                "Radius": 2,
                "IsImaginary": False,
                "Channel": 1,
                "Gain": 1,
            },
            {"Azimuth": -45, "Elevation": 0, "Radius": 1, "Channel": 2, "Gain": 0.5},
            {
                "Azimuth": 0,
                "Elevation": -90,
                "Radius": 9,
                "IsImaginary": True,
                "Channel": 3,
                "Gain": 0,
            },
        ],
    },
}


def test_layouts_of_iem_with_gains_and_radii():
    setup = LoudspeakerSetup.from_json(json.dumps(IEM))
    assert setup.layout.labels == ("1", "2")
    assert setup.gain_db == pytest.approx([0.0, -6.0206], abs=1e-4)
    assert setup.total_gain == pytest.approx([1.0, 0.25])
    with pytest.raises(LayoutError, match=r"gain other than 1.*LoudspeakerSetup"):
        Layout.from_json(json.dumps(IEM))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"distance": 0.0}, "distance must be from 0.05 to 300 m, got"),
        ({"distance": {"XX": 2.0}}, "distance has the label 'XX', which layout '5.1' does not"),
        ({"distance": [1.0, 2.0]}, r"distance must be a number, a dictionary by label, or have"),
        ({"gain_db": "loud"}, "gain_db must be numbers in dB, got 'loud'"),
        ({"delay": {"FL": 5.0}}, "delay of FL must be from 0 to 1 s, got 5.0"),
        ({"crossover": "low"}, "crossover of FL must be a number of Hz, got 'low'"),
        ({"crossover": {"LFE": 80.0}}, "crossover of LFE is that of a subwoofer"),
        ({"high_pass": {"FL": 90.0}, "low_pass": {"FL": 80.0}}, "high_pass of FL must be below"),
        ({"subwoofers": ["LFE"]}, "subwoofers must be a dictionary of lists of labels"),
        ({"subwoofers": {"FL": ["FR"]}}, "subwoofers has 'FL', which is not an LFE channel"),
        ({"subwoofers": {"LFE": ["FL"]}}, "subwoofers has 'FL', which has no crossover"),
        (
            {"crossover": 80.0, "subwoofers": {"LFE": ["FL"]}},
            "FR has a crossover, but no subwoofer reproduces it",
        ),
        ({"lfe_gain_db": float("nan")}, "lfe_gain_db must be from -120 to 40 dB"),
        ({"speed_of_sound": 1500.0}, "speed_of_sound must be from 300 to 400 m/s"),
    ],
)
def test_refused_values(options, sentence):
    with pytest.raises((OptionError, ShapeError), match=sentence):
        LoudspeakerSetup("5.1", **options)


def test_a_crossover_needs_a_subwoofer():
    with pytest.raises(OptionError, match="crossover needs a subwoofer, layout 'stereo' has none"):
        LoudspeakerSetup("stereo", crossover=80.0)


def test_refused_audio():
    setup = LoudspeakerSetup("5.1", crossover=80.0)
    with pytest.raises(ShapeError, match="6"):
        setup.apply(np.zeros((2, 100)), RATE)
    with pytest.raises(OptionError, match="sample_rate is missing"):
        setup.apply(np.zeros((6, 100)))
    with pytest.raises(OptionError, match="high_pass must be below half the sample rate"):
        LoudspeakerSetup("5.1", high_pass=5000.0).apply(np.zeros((6, 10)), 8000)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(Subwoofers=5),
        lambda data: data.update(Subwoofers=[{"Channel": 99}]),
        lambda data: data.update(Subwoofers=[{"Channel": 1, "Feeds": 5}]),
        lambda data: data.update(Setup=[]),
        lambda data: data.update(Setup={"SpeedOfSound": "fast"}),
        lambda data: data["LoudspeakerLayout"].pop("Loudspeakers"),
        lambda data: data["LoudspeakerLayout"]["Loudspeakers"][0].update(Gain=0),
        lambda data: data["LoudspeakerLayout"]["Loudspeakers"][0].update(Gain=None),
        lambda data: data["LoudspeakerLayout"]["Loudspeakers"][0].update(Radius=-1),
        lambda data: data["LoudspeakerLayout"]["Loudspeakers"][0].update(Channel="1"),
        lambda data: data["LoudspeakerLayout"].update(Loudspeakers=[5]),
        lambda data: data.clear(),
    ],
)
def test_malformed_files_are_refused_with_their_name(tmp_path, change):
    data = json.loads(json.dumps(IEM))
    change(data)
    path = tmp_path / "room.json"
    path.write_text(json.dumps(data))
    with pytest.raises(SpatialkitError, match=r"room\.json: ") as caught:
        LoudspeakerSetup.from_json(path)
    assert "\n" not in str(caught.value)
