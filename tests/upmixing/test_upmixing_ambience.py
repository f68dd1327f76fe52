"""Tests of the ambience upmixer: placement, levels, timing and exactness."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st

from spatialkit.decorrelation import PAIRS, all_pass_sections
from spatialkit.decorrelation.kernels import all_pass
from spatialkit.downmix import downmix_matrix
from spatialkit.errors import LayoutError, SpatialkitWarning
from spatialkit.files import read, write
from spatialkit.layouts import AmbisonicFormat, Layout, get_layout, layout_names
from spatialkit.metrics import downmix_error
from spatialkit.panning import vbap_gains
from spatialkit.sample import sample_path
from spatialkit.upmixing import get_upmixer
from spatialkit.upmixing.ambience.filters import band_edges
from spatialkit.upmixing.ambience.kernels import (
    average_products,
    channel_products,
    mix,
    separate,
)
from spatialkit.upmixing.ambience.least_squares import nonnegative_least_squares
from spatialkit.upmixing.decorrelation import AllPassSection
from spatialkit.upmixing.passive import is_front

RATE = 48000
LAYOUTS = [name for name in layout_names() if name != "mono"]
FLOAT64_SUM = 1e-14  # sums of a few products near 1
BURST = 2400  # samples; 50 ms


@cache
def ambience(layout="5.1", **options):
    """Return the upmixer, cached: computing its gains takes longer than upmixing a second."""
    return get_upmixer("ambience", layout=layout, **options)


def upmixed(audio, layout="5.1", rate=RATE, **options):
    return ambience(layout, **options).upmix(audio, rate)


def by_label(audio, layout, **options):
    """Return the channels of the upmix by label."""
    return dict(
        zip(get_layout(layout).labels, upmixed(audio, layout, **options), strict=True),
    )


def power(signal):
    """Return the total power of all channels."""
    return float(np.sum(np.square(signal)))


def decibels(signal, reference):
    return 10.0 * np.log10(max(power(signal), 1e-30) / power(reference))


def regions(layout):
    """Return masks of front, surround (ear level or below) and height channels."""
    layout = get_layout(layout)
    front, above = is_front(layout), np.nan_to_num(layout.elevation) > 15.0
    around = ~front & ~above & ~layout.is_lfe
    return front, around, above


def mirror(layout):
    """Index of the mirror image of every channel."""
    points = np.nan_to_num(layout.directions, nan=9.0)
    images = np.where(layout.is_lfe[:, None], points, points * [1.0, -1.0, 1.0])
    return np.linalg.norm(points[:, None] - images[None], axis=-1).argmin(0)


def pan(source, azimuth):
    """Stereo by the tangent law."""
    return vbap_gains(azimuth, layout="stereo")[:, None] * source


@pytest.fixture
def noise(rng):
    """Return half a second of uncorrelated left and right channels."""
    return 0.1 * rng.standard_normal((2, RATE // 2))


@pytest.fixture
def voice(rng):
    """Return half a second of noise with a varying envelope."""
    time = np.arange(RATE // 2) / RATE
    return 0.1 * rng.standard_normal(time.size) * np.abs(np.sin(2.0 * np.pi * 3.0 * time))


@pytest.fixture
def mixed(noise):
    """Return partially correlated left and right channels."""
    return np.stack([noise[0], 0.6 * noise[0] + 0.5 * noise[1]])


def test_a_layout_without_right_loudspeakers_is_refused():
    one_sided = Layout.from_directions([30.0, 0.0, 110.0])
    with pytest.raises(LayoutError, match=r"no loudspeaker on the right; .* needs one on"):
        get_upmixer("ambience", layout=one_sided)


# The downmix.


@pytest.mark.parametrize(
    "options",
    [{}, {"width": 75.0, "center": 0.3, "front_rear": 0.6, "ambience": 6.0}],
    ids=str,
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_downmix_contains_the_input_only(layout, options):
    """Oracle: the downmix rule times the gains of all internal signals."""
    upmixer = ambience(layout, **options, lfe=bool(get_layout(layout).is_lfe.any()))
    for channels, target in ((1, "mono"), (2, "stereo")):
        downmixed = downmix_matrix(layout, target) @ upmixer.placements[channels].matrix
        np.testing.assert_allclose(downmixed[:, :channels], np.eye(channels), atol=FLOAT64_SUM)
        np.testing.assert_allclose(downmixed[:, channels:], 0.0, atol=10 * FLOAT64_SUM)


@pytest.mark.parametrize("layout", ["5.1", "22.2", AmbisonicFormat(2)], ids=str)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("dtype", "least"), [(np.float32, 130.0), (np.float64, 300.0)])
def test_the_downmix_is_exact_to_the_precision_of_the_dtype(layout, channels, dtype, least, mixed):
    """24 bits of mantissa are 144 dB, 53 are 319; sums of some channels lose a little."""
    audio = mixed[:channels].astype(dtype)
    assert downmix_error(upmixed(audio, layout, lfe=isinstance(layout, str)), audio, layout) > least


@pytest.mark.parametrize(("layout", "channels"), [("7.1.4", 2), ("22.2", 1)])
def test_the_downmix_of_24_bit_files_is_exact_within_100_db(layout, channels, mixed, tmp_path):
    audio = mixed[:channels].astype(np.float32)
    write(tmp_path / "up.wav", upmixed(audio, layout), RATE, format=layout, subtype="PCM_24")
    assert downmix_error(read(tmp_path / "up.wav").samples, audio, layout) > 100.0


@pytest.mark.parametrize("layout", ["5.1", "9.1.6"])
def test_an_inexact_downmix_contains_the_ambience_twice(layout, noise):
    """The front keeps the ambience, the other loudspeakers play it unchanged."""
    plain, dry, loose = (
        upmixed(noise, layout, **options)
        for options in (
            {},
            {"front_rear": -1.0, "exact_downmix": False},
            {"exact_downmix": False},
        )
    )
    front = is_front(get_layout(layout))
    np.testing.assert_allclose(loose[front], dry[front], atol=FLOAT64_SUM)
    around = np.logical_or(*regions(layout)[1:])
    np.testing.assert_allclose(loose[around], plain[around], atol=FLOAT64_SUM)
    assert downmix_error(loose, noise, layout) < 10.0


@pytest.mark.parametrize("layout", ["5.0", "7.1"])
@pytest.mark.parametrize("width", [0.0, 15.0, 60.0])
def test_an_inexact_downmix_allows_any_width_of_the_stage(layout, width, voice):
    """A voice in the left channel is played where VBAP pans it, at equal level."""
    upmix = upmixed(np.stack([voice, 0.0 * voice]), layout, width=width, exact_downmix=False)
    gains = upmix @ voice / power(voice)
    front = is_front(get_layout(layout))
    expected = vbap_gains(width, layout=layout)
    np.testing.assert_allclose(gains[front], expected[front], atol=0.02)
    np.testing.assert_allclose(gains, expected, atol=0.06)  # what stands in for ambience


@pytest.mark.parametrize(
    ("options", "layout", "message"),
    [
        ({"width": 20.0}, "5.1", "at least 30 degrees wide"),
        ({"lfe": True}, "5.0", "'5.0' has no LFE"),
        ({"lfe": True}, "ambix1", "'ambix1' has no LFE"),
        ({"center": 0.5}, "foa", "no centre loudspeaker"),
    ],
)
def test_options_without_effect_are_reported(options, layout, message):
    with pytest.warns(SpatialkitWarning, match=message):
        get_upmixer("ambience", layout=layout, **options)


# Symmetry.


@pytest.mark.parametrize("layout", ["5.1", "6.1", "9.1.6", "22.2", "4+5+1"])
def test_swapped_channels_give_the_mirrored_upmix_without_decorrelators(layout, mixed):
    audio, image = mixed[:, : RATE // 4], mirror(get_layout(layout))
    dry = ambience(layout, front_rear=-1.0)
    mirrored = dry.upmix(audio[::-1], RATE)[image]
    np.testing.assert_allclose(mirrored, dry.upmix(audio, RATE), atol=FLOAT64_SUM)


def coloured(rng, slope, seconds):
    """Noise with a power proportional to frequency ** -slope; left and right correlate by half."""
    spectrum = np.fft.rfft(rng.standard_normal((2, seconds * RATE)))
    frequency = np.fft.rfftfreq(seconds * RATE, 1.0 / RATE)
    left, other = np.fft.irfft(spectrum * np.maximum(frequency, 20.0) ** (-0.5 * slope))
    stereo = np.stack([left, 0.5 * left + np.sqrt(0.75) * other])
    return 0.1 * stereo / stereo.std()


def octave_levels(audio, rate):
    """Level of every channel in octaves from 62.5 Hz to 8 kHz in dB, shape (channels, octaves)."""
    power = np.abs(np.fft.rfft(audio)) ** 2
    frequency = np.fft.rfftfreq(audio.shape[1], 1.0 / rate)
    centres = 62.5 * 2.0 ** np.arange(8)
    bands = [
        (frequency >= centre / np.sqrt(2.0)) & (frequency < centre * np.sqrt(2.0))
        for centre in centres
    ]
    return 10.0 * np.log10([power[:, band].sum(axis=1) + 1e-20 for band in bands]).T


def own_imbalance(stereo, layout, rate=RATE):
    """Imbalance of the upmixer itself: that of a signal and its mirror image, averaged."""
    image = mirror(get_layout(layout))
    plain, swapped = (
        octave_levels(upmixed(audio, layout, rate), rate) for audio in (stereo, stereo[::-1])
    )
    return 0.5 * (plain - plain[image] + swapped - swapped[image])


@pytest.mark.parametrize("slope", [1.0, 2.0], ids=["pink", "brown"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_upmixer_leans_to_no_side_with_noise(layout, slope, rng):
    assert np.abs(own_imbalance(coloured(rng, slope, 4), layout)).max() < 0.5


@pytest.mark.parametrize("layout", ["5.1", "7.1.4"])
def test_the_upmixer_leans_to_no_side_with_a_song(layout):
    """The front pair plays few tones in the lowest octave."""
    song = read(sample_path())
    start = 10 * song.sample_rate
    excerpt = song.samples[:, start : start + 10 * song.sample_rate]
    found = np.abs(own_imbalance(excerpt, layout, song.sample_rate))
    assert found[~is_front(get_layout(layout))].max() < 0.1
    assert found.max() < 0.5


# Direct sound.


@pytest.mark.parametrize(
    ("azimuth", "label"),
    [(0.0, "FC"), (30.0, "FL"), (-30.0, "FR")],
    ids=["centre", "left", "right"],
)
@pytest.mark.parametrize("layout", ["5.1", "7.1.4"])
def test_a_source_at_a_loudspeaker_is_played_by_it_alone(layout, azimuth, label, voice):
    """The others contain soft substitute ambience only, 20 dB below, and its downmix."""
    channels = by_label(pan(voice, azimuth), layout)
    alone = channels.pop(label)
    assert decibels(list(channels.values()), alone) < -20.0
    assert decibels(alone, voice) == pytest.approx(0.0, abs=0.1)
    assert decibels(alone - voice, voice) < -25.0
    front = [channels[name] for name in ("FL", "FR", "FC") if name in channels]
    assert decibels(front, alone) < -25.0


@pytest.mark.parametrize("layout", ["stereo", "5.1", "22.2"])
def test_a_source_keeps_its_panned_direction(layout, voice):
    """The velocity vector within 2 degrees; the energy vector rises with it."""
    directions = np.nan_to_num(get_layout(layout).directions)
    azimuths = np.linspace(-30.0, 30.0, 7)
    velocity, energy = [], []
    for azimuth in azimuths:
        upmix = upmixed(pan(voice[: RATE // 4], azimuth), layout)
        for weights, found in ((upmix @ voice[: RATE // 4], velocity), ((upmix**2).sum(1), energy)):
            x, y, _ = weights @ directions
            found.append(np.degrees(np.arctan2(y, x)))
    np.testing.assert_allclose(velocity, azimuths, atol=2.0)
    assert np.all(np.diff(energy) > 1.0)
    np.testing.assert_allclose(np.array(energy)[[0, 3, 6]], [-30.0, 0.0, 30.0], atol=0.5)


@pytest.mark.parametrize("width", [45.0, 90.0])
@pytest.mark.parametrize("layout", ["5.1", "9.1.6"])
def test_width_is_the_direction_of_the_edge_of_the_stage(layout, width, voice):
    directions = np.nan_to_num(get_layout(layout).directions)
    for azimuth in (-30.0, 0.0, 30.0):
        upmix = upmixed(pan(voice, azimuth), layout, width=width)
        x, y, _ = (upmix @ voice) @ directions
        heard = np.degrees(np.arctan2(y, x))
        assert heard == pytest.approx(azimuth * width / 30.0, abs=2.5)


@pytest.mark.parametrize("center", [0.0, 0.25, 1.0])
def test_center_is_the_fraction_of_central_sources_in_the_centre_loudspeaker(center, voice):
    """Oracle: FC counts 0.7071 in both channels of the downmix, the pair has the rest."""
    channels = by_label(np.stack([voice, voice]), "7.1.4", center=center)
    gains = {name: channel @ voice / power(voice) for name, channel in channels.items()}
    assert gains["FC"] == pytest.approx(center * np.sqrt(2.0), abs=1e-3)
    assert gains["FL"] == pytest.approx(1.0 - center, abs=0.02)
    assert gains["FR"] == pytest.approx(1.0 - center, abs=0.02)
    if center == 0.0:
        np.testing.assert_allclose(channels["FC"], 0.0, atol=1e-12)


# Ambience.


@pytest.mark.parametrize("layout", ["quad", "6.1", "7.1.4", "22.2"])
def test_uncorrelated_channels_are_played_around_with_equal_power(layout, noise):
    """Averages of finite length lose some power; every loudspeaker is used."""
    _, around, above = regions(layout)
    upmix = upmixed(noise, layout)
    assert decibels(upmix[around | above], noise) == pytest.approx(-0.7, abs=0.5)
    loudest = np.sum(upmix[around] ** 2, axis=1).max()
    assert np.all(np.sum(upmix[around | above] ** 2, axis=1) > loudest * 10.0**-0.7)
    assert decibels(upmix[get_layout(layout).is_lfe], noise) < -200.0


@pytest.mark.parametrize(
    ("ratio_db", "lost", "leak"), [(0.0, 1.5, -8.0), (6.0, 3.5, -18.0), (12.0, 8.0, -30.0)]
)
@pytest.mark.parametrize("azimuth", [0.0, 22.0])
def test_ambience_below_a_voice_is_extracted_without_the_voice(ratio_db, lost, leak, azimuth, rng):
    """Limits of the loss of ambience and the leakage of the voice in dB, by the ratio."""
    voice, *sides = 0.1 * rng.standard_normal((3, RATE))
    voice *= 10.0 ** (ratio_db / 20.0)
    ambience = np.sqrt(0.5) * np.stack(sides)
    stereo = pan(voice, azimuth) + ambience
    assert -lost < decibels(upmixed(stereo)[4:], ambience) < 0.0
    dry = np.sqrt(0.5) * upmixed(stereo, front_rear=1.0)[4:]  # as in the downmix
    assert 20.0 * np.log10(np.abs(dry @ voice).max() / power(voice)) < leak


@pytest.mark.parametrize(("layout", "most"), [("5.1", 0.05), ("7.1.4", 0.3), ("22.2", 0.4)])
def test_surround_channels_are_uncorrelated_with_each_other_and_the_input(layout, most, rng):
    noise = 0.1 * rng.standard_normal((2, RATE))
    _, around, above = regions(layout)
    upmix = upmixed(noise, layout)
    surround = upmix[around | above]
    correlation = np.abs(np.corrcoef(surround)) - np.eye(len(surround))
    assert correlation.max() < most
    both = np.corrcoef(np.concatenate([surround, noise]))[:-2, -2:]
    assert np.abs(both).max() < 0.05


def test_channels_of_opposite_polarity_are_ambience(voice):
    channels = by_label(np.stack([voice, -voice]), "5.1", center=0.0)
    assert decibels(channels["FC"], voice) < -200.0
    channels = by_label(np.stack([voice, -voice]), "5.1")
    # Only the decorrelated ambience that left and right would subtract: 0.6 of each surround.
    assert decibels(channels["FC"], voice) == pytest.approx(-1.4, abs=1.0)
    assert abs(np.corrcoef(channels["FC"], voice)[0, 1]) < 0.1
    both = decibels([channels["SL"], channels["SR"]], [voice, voice])
    assert both == pytest.approx(0.0, abs=0.6)
    # Taken from the front they leave it all but silent.
    channels = by_label(np.stack([voice, -voice]), "5.1", front_rear=1.0)
    assert decibels([channels[name] for name in ("FL", "FR", "FC")], [voice, voice]) < -20.0


@pytest.mark.parametrize("layout", ["5.1", "7.1.4"])
@pytest.mark.parametrize("side_db", [-np.inf, -60.0, -30.0])
def test_near_mono_has_surround_within_30_db_of_the_front(layout, side_db, voice, rng):
    side = 10.0 ** (side_db / 20.0) * 0.1 * rng.standard_normal(voice.size)
    upmix = upmixed(np.stack([voice + side, voice - side]), layout)
    front, around, above = regions(layout)
    assert -30.0 < decibels(upmix[around | above], upmix[front]) < -15.0
    assert decibels(upmix[above], upmix[front]) > -30.0 or not above.any()


@pytest.mark.parametrize("layout", ["quad", "5.1", "7.1.4", AmbisonicFormat(1)], ids=str)
def test_mono_is_widened_in_front_and_has_surround(layout, rng):
    mono = 0.1 * rng.standard_normal((1, RATE))
    upmix = upmixed(mono, layout)
    if isinstance(layout, AmbisonicFormat):
        np.testing.assert_allclose(upmix[0], mono[0], atol=FLOAT64_SUM)
        assert decibels(upmix[1:], mono) > -15.0
        return
    front, around, above = regions(layout)
    assert decibels(upmix[around | above], upmix[front]) == pytest.approx(-17.0, abs=4.0)
    left, right = upmix[:2]
    assert decibels(left, right) == pytest.approx(0.0, abs=1.0)
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.9


def test_mono_bass_stays_in_the_centre():
    time = np.arange(RATE) / RATE
    for frequency, centred in ((60.0, True), (1000.0, False)):
        channels = by_label(0.1 * np.sin(2.0 * np.pi * frequency * time)[None], "5.1")
        front = [channels[name][RATE // 4 :] for name in ("FL", "FR", "FC")]
        assert (decibels(front[2], front) > -0.3) == centred


# The controls.


@pytest.mark.parametrize("level", [-60.0, -6.0, 6.0])
def test_ambience_is_the_level_of_surround_and_height(level, mixed):
    """It is also the level of what the front plays to make the downmix exact."""
    none = upmixed(mixed, "7.1.4", front_rear=-1.0)
    plain, changed = (upmixed(mixed, "7.1.4", ambience=chosen) - none for chosen in (0.0, level))
    np.testing.assert_allclose(changed, 10.0 ** (level / 20.0) * plain, atol=1e-12)


@pytest.mark.parametrize("level", [-60.0, 0.0, 6.0])
@pytest.mark.parametrize("layout", ["7.1.4", "22.2"])
def test_height_is_the_level_relative_to_ear_level_at_constant_power(layout, level, noise):
    _, around, above = regions(layout)
    plain, changed = (upmixed(noise, layout, height=chosen) for chosen in (-3.0, level))
    lowered = np.sqrt(power(changed[around]) / power(plain[around]))
    np.testing.assert_allclose(changed[around], lowered * plain[around], atol=1e-12)
    raised = lowered * 10.0 ** ((level + 3.0) / 20.0)
    np.testing.assert_allclose(changed[above], raised * plain[above], atol=1e-12)
    both = [power(upmix[around | above]) for upmix in (plain, changed)]
    # Loudspeakers in the middle play both sides, and each is decorrelated in its own way.
    assert both[1] == pytest.approx(both[0], rel=0.05)


def test_front_rear_below_0_attenuates_the_surround(mixed):
    plain, half, none = (upmixed(mixed, "7.1.4", front_rear=value) for value in (0.0, -0.5, -1.0))
    front = is_front(get_layout("7.1.4"))
    np.testing.assert_allclose(half[~front], np.sqrt(0.5) * plain[~front], atol=1e-12)
    np.testing.assert_allclose(none[~front], 0.0, atol=FLOAT64_SUM)


@pytest.mark.parametrize("layout", ["5.1", "7.1.4"])
def test_front_rear_above_0_removes_ambience_from_the_front(layout, noise):
    """Uncorrelated channels are nearly all ambience: the front decays, the surround stays."""
    front, around, above = regions(layout)
    upmixes = [upmixed(noise, layout, front_rear=value) for value in (0.0, 0.3, 0.6, 0.8, 1.0)]
    fronts = [decibels(upmix[front], noise) for upmix in upmixes]
    assert np.all(np.diff(fronts) < -1.0)
    assert fronts[-1] < -15.0
    rears = [decibels(upmix[around | above], noise) for upmix in upmixes]
    assert np.all(np.diff(rears) > -0.05)


@pytest.mark.parametrize("layout", ["5.1", "7.1.4"])
def test_the_level_of_ambience_is_independent_of_front_rear(layout, noise):
    """The level rises by 12 dB, also with front_rear at 1; the downmix stays exact."""
    plain, loud = (upmixed(noise, layout, front_rear=1.0, ambience=level) for level in (0.0, 12.0))
    assert decibels(loud[4:], plain[4:]) == pytest.approx(12.0, abs=3.5)
    assert downmix_error(loud, noise, layout) > 300.0


def test_front_rear_removes_no_more_than_the_surround_plays(noise):
    quiet, none = (upmixed(noise, "5.1", front_rear=value, ambience=-60.0) for value in (1.0, -1.0))
    front = is_front(get_layout("5.1"))
    assert decibels(quiet[front] - none[front], none[front]) < -55.0


@pytest.mark.parametrize(("crossover", "level"), [(80.0, 0.0), (120.0, -6.0), (200.0, 6.0)])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_lfe_is_the_bass_of_both_channels(crossover, level, channels, rng):
    """Oracle: fourth-order Linkwitz-Riley, 10 dB low, -6 dB at its crossover, without its phase."""
    audio = 0.1 * rng.standard_normal((channels, 2 * RATE))
    options = {"lfe": True, "lfe_crossover": crossover, "lfe_level": level}
    plain, upmix = (upmixed(audio, "5.1", **chosen) for chosen in ({}, options))
    np.testing.assert_allclose(np.delete(upmix, 3, 0), np.delete(plain, 3, 0), atol=FLOAT64_SUM)
    np.testing.assert_array_equal(plain[3], 0.0)
    # A mono signal stands for two sides at -3 dB.
    source = audio.sum(axis=0) * (np.sqrt(0.5) if channels == 2 else 1.0)
    bands = [
        np.fft.rfft(signal.reshape(-1, 4800) * np.hanning(4800)) for signal in (upmix[3], source)
    ]
    response = np.mean(bands[0] * bands[1].conj(), 0) / np.mean(np.abs(bands[1]) ** 2, 0)
    measured = 20.0 * np.log10(np.abs(response))
    frequency = 10.0 * np.arange(response.size)
    expected = level - 10.0 - 20.0 * np.log10(1.0 + (frequency / crossover) ** 4)
    # The bins of the filter are 23 Hz wide.
    up_to = frequency <= 1.5 * crossover
    np.testing.assert_allclose(measured[up_to], expected[up_to], atol=1.5)
    assert np.all(measured[frequency >= 4.0 * crossover] < level - 10.0 - 40.0)
    assert np.abs(np.angle(response[up_to])).max() < 0.1


# Ambisonics.


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("width", [0.0, 30.0, 90.0])
def test_ambisonic_intensity_points_at_the_source(order, width, voice):
    form = AmbisonicFormat(order)
    for azimuth in (-30.0, 0.0, 20.0):
        stereo = pan(voice, azimuth)
        w, y, z, x = upmixed(stereo, form, width=width)[:4]
        np.testing.assert_allclose(w, stereo.mean(axis=0), atol=FLOAT64_SUM)
        heard = np.degrees(np.arctan2(w @ y, w @ x))
        assert heard == pytest.approx(azimuth * width / 30.0, abs=0.3)  # 257 positions
        assert abs(w @ z) < 0.01 * power(w)


def test_ambisonic_ambience_surrounds_the_listener(noise):
    w, y, z, x = upmixed(noise, AmbisonicFormat(1), front_rear=1.0)
    np.testing.assert_allclose(w, noise.mean(axis=0), atol=FLOAT64_SUM)
    intensity = np.array([w @ x, w @ y, w @ z])
    energy = 0.5 * power([w, x, y, z])
    assert np.linalg.norm(intensity) < 0.8 * energy
    assert decibels(y, w) > -6.0
    w, y, z, x = upmixed(np.stack([noise[0], -noise[0]]), AmbisonicFormat(1))
    np.testing.assert_allclose(w, 0.0, atol=FLOAT64_SUM)
    assert decibels(y, noise[0]) > -6.0


# Time.


@pytest.mark.parametrize("sides", [(1.0, 1.0), (1.0, 0.0), (1.0, 0.5), (1.0, -1.0)], ids=str)
def test_a_click_is_immediate_in_front_and_shortly_delayed_around(sides):
    """No pre-echo; the decorrelators begin after 6 ms and have decayed by 60 dB after 90 ms."""
    moment = 10_000
    stereo = np.zeros((2, 2 * moment))
    stereo[:, moment] = sides
    upmix = np.abs(upmixed(stereo, "7.1.4"))
    front, around, above = regions("7.1.4")
    assert upmix[:, :moment].max() < 1e-12
    assert power(upmix[:, moment + round(0.09 * RATE) :]) < 1e-6 * power(upmix)
    assert upmix[around | above, : moment + round(0.006 * RATE)].max() < 1e-12
    assert upmix[around | above].max() > 1e-3
    assert upmix[front].max(axis=0).argmax() == moment


def drum(rng, sides):
    """Return a second with 50 ms of decaying noise in its middle, equal in both channels or not."""
    stereo = np.zeros((2, RATE))
    decay = np.exp(-np.arange(BURST) / (0.01 * RATE))
    stereo[:, RATE // 2 :][:, :BURST] = 0.3 * decay * rng.standard_normal((sides, BURST))
    return stereo


@pytest.mark.parametrize(("sides", "before"), [(1, -70.0), (2, -30.0)])
def test_a_drum_has_no_pre_echo_and_a_short_decay(sides, before, rng):
    """Transients within one frame of the transform have a pre-echo below -30 dB at 1 ms."""
    stereo = drum(rng, sides)
    upmix = upmixed(stereo)
    _, around, _ = regions("5.1")
    start = RATE // 2
    assert decibels(upmix[:, : start - RATE // 1000], stereo) < before
    assert decibels(upmix[:, : start - 2048], stereo) < -200.0  # more than the frame
    assert decibels(upmix[around][:, :start], stereo) < -40.0
    # The drum's own 50 ms, the decorrelators' 60, and what they smear of the frame.
    assert decibels(upmix[:, start + BURST + round(0.06 * RATE) :], stereo) < -50.0


def test_a_drum_leaves_the_ambience_around_it_alone(rng):
    """The surround level is unchanged 20 ms before and 60 ms after a drum that is 25 dB louder."""
    room = 0.01 * rng.standard_normal((2, RATE))
    quiet, hit = (upmixed(room + extra)[4:] for extra in (0.0, drum(rng, 1)))
    blocks = np.arange(RATE).reshape(-1, 480)  # 10 ms
    levels = [
        10.0 * np.log10(np.mean(upmix[:, blocks] ** 2, axis=(0, 2))) for upmix in (quiet, hit)
    ]
    change = levels[1] - levels[0]
    far = np.r_[0:48, 56:100]
    assert np.abs(change[far]).max() < 1.5
    assert change.max() < 1.5  # nor does the drum enter it


# Streams.


@pytest.mark.parametrize("rate", [8000, 44100, 192000])
@pytest.mark.parametrize(
    ("layout", "channels", "dtype"),
    [("5.1.2", 1, np.float64), ("5.1.2", 2, np.float32), (AmbisonicFormat(1), 2, np.float64)],
    ids=str,
)
def test_streams_equal_the_whole_exactly(rate, layout, channels, dtype, rng):
    """Odd block sizes, and single samples at both ends: the sums do not depend on the blocks."""
    upmixer = ambience(layout, lfe=isinstance(layout, str))
    audio = 0.1 * rng.standard_normal((channels, rate // 4)).astype(dtype)
    sizes = [1, 1, 2, 0, 37, 1023, 333, *[1777] * 30]
    cuts = np.append(np.cumsum(sizes), audio.shape[1] - np.array([3, 2, 1]))
    cuts = np.unique(cuts[cuts < audio.shape[1]])
    stream = upmixer.stream(rate)
    parts = [stream.process(block) for block in np.split(audio, cuts, axis=1)]
    joined = np.concatenate([*parts, stream.flush()], axis=1)
    np.testing.assert_array_equal(joined, upmixer.upmix(audio, rate))
    assert joined.dtype == dtype


@pytest.mark.parametrize("rate", [8000, 48000])
def test_latency_is_the_largest_number_of_buffered_samples(rate):
    """Measured sample by sample; the stated latency is at most a quarter longer, below 140 ms."""
    stream = ambience("stereo").stream(rate)
    taken = returned = most = 0
    for size in [*[479] * 12, *[1] * 600]:
        taken += size
        returned += stream.process(np.full((2, size), 0.1, np.float32)).shape[1]
        most = max(most, taken - returned)
    assert 0.8 * stream.latency <= most <= stream.latency
    assert stream.latency / rate < 0.140
    assert returned > 0


def test_long_signals_do_not_depend_on_the_processing_blocks(rng):
    """Oracle: a shorter excerpt, which ends in another processing block."""
    upmixer = ambience("quad")
    stereo = 0.1 * rng.standard_normal((2, 140_000)).astype(np.float32)
    settled = 100_000 - upmixer.stream(RATE).latency
    whole, excerpt = upmixer.upmix(stereo, RATE), upmixer.upmix(stereo[:, :100_000], RATE)
    np.testing.assert_array_equal(whole[:, :settled], excerpt[:, :settled])


# Edges.


@pytest.mark.parametrize("samples", [1, 10])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("layout", ["7.1.4", AmbisonicFormat(1)], ids=str)
def test_the_shortest_signals_have_an_exact_downmix(samples, channels, layout, mixed):
    audio = mixed[:channels, :samples]
    upmix = upmixed(audio, layout)
    assert upmix.shape == (ambience(layout).format.n_channels, samples)
    assert downmix_error(upmix, audio, layout) > 300.0


@pytest.mark.parametrize("rate", [1, 8000, 22050, 192000])
def test_every_sample_rate_gives_the_same_placement(rate, rng):
    """A central voice in FC, uncorrelated noise in the surround, an exact downmix."""
    common, *sides = 0.1 * rng.standard_normal((3, 32_000))
    centred, apart = np.stack([common, common]), np.stack(sides)
    channels = by_label(centred, "5.1", rate=rate)
    assert decibels(channels["FC"], centred) == pytest.approx(0.0, abs=0.1)
    upmix = upmixed(apart, "5.1", rate)
    assert decibels(upmix[4:], apart) == pytest.approx(-1.0, abs=1.0)
    assert downmix_error(upmix, apart, "5.1") > 300.0


def test_a_constant_is_placed_like_a_source():
    channels = by_label(np.full((2, RATE // 2), 0.25), "5.1")
    # The ambience is substituted 20 dB below, and the centre subtracts it.
    np.testing.assert_allclose(channels["FC"], 0.25 * np.sqrt(2.0), rtol=0.1)
    assert all(np.abs(channels[name]).max() < 0.05 for name in ("FL", "FR", "SL", "SR"))


def test_silence_between_sounds_stays_silent(voice):
    """The all-pass decorrelators decay to -80 dB in 100 ms, and to exact zeros in the end."""
    stereo = pan(voice, 12.0)
    stereo[:, 6000:18000] = 0.0
    quiet = upmixed(stereo, "7.1.4")
    assert decibels(quiet[:, 12_000:15_900], stereo) < -80.0
    rest = np.concatenate([stereo, np.zeros((2, 10 * RATE))], axis=1)
    np.testing.assert_array_equal(upmixed(rest, "7.1.4")[:, -RATE:], 0.0)


@pytest.mark.parametrize("gain", [1e-8, 1e6])
def test_the_upmix_scales_with_the_level(gain, mixed):
    """Rounding of float32, 2**-24 of the peak, has little effect."""
    audio = mixed.astype(np.float32)
    scaled = upmixed(np.float32(gain) * audio, "7.1.4") / np.float32(gain)
    np.testing.assert_allclose(scaled, upmixed(audio, "7.1.4"), atol=1e-5)


# What is known before.


def response_of(pair, mirrored, rate):
    """Impulse response of a decorrelator: Schroeder's sections one after another."""
    signal = np.eye(1, rate // 2)[0]
    for delay, gain in zip(*all_pass_sections(pair, mirrored, rate), strict=True):
        signal = section(delay, gain).process(signal)
    return signal


def section(delay, gain):
    """Return the plain all-pass section of `AllPassDecorrelator`, of gain 0.5 or -0.5."""
    plain = AllPassSection(int(delay), np.float64)
    return plain if gain > 0.0 else Mirrored(plain)


class Mirrored:
    """Section with the opposite sign: (z^-N + g) / (1 + g z^-N) is -H(-z^-N)."""

    def __init__(self, plain):
        self.plain, self.position = plain, 0
        self.delay = plain._delay_line.size

    def process(self, signal):
        sign = 1.0 - 2.0 * ((self.position + np.arange(signal.size)) // self.delay % 2)
        self.position += signal.size
        return -sign * self.plain.process(sign * signal)


@pytest.mark.parametrize("rate", [44100, 96000])
def test_decorrelators_are_all_pass_short_and_uncorrelated(rate):
    """Flat, 9 to 15 ms late on average, 60 dB below after 80 ms, mirror images uncorrelated."""
    for pair in range(len(PAIRS)):
        left, right = (response_of(pair, mirrored, rate) for mirrored in (False, True))
        for response in (left, right):
            np.testing.assert_allclose(np.abs(np.fft.rfft(response)), 1.0, atol=1e-9)
            mean = np.sum(np.arange(response.size) * response**2) / rate
            assert 0.009 < mean < 0.015
            assert np.sum(response[round(0.08 * rate) :] ** 2) < 1e-6
        assert abs(left @ right) < 0.2
        np.testing.assert_allclose(np.abs(left), np.abs(right), atol=0.3)
    assert not np.array_equal(response_of(0, False, rate), response_of(len(PAIRS), False, rate))


def test_mirror_pairs_share_a_decorrelator():
    """Also where loudspeakers are not exactly symmetric; those in the middle have their own."""
    measured = Layout.from_directions([31.0, -29.0, 1.0, 108.0, -112.0, 178.0])
    assert ambience(measured).placements[2].decorrelators.tolist() == [0, -1, 1]
    numbers = ambience("7.1.4").placements[2].decorrelators
    np.testing.assert_array_equal(numbers, [0, ~0, 1, ~1, 2, ~2, 3, ~3])


def test_bands_are_one_erb_wide():
    """Oracle: 24.7 (4.37 f / 1000 + 1) Hz; whole bins about a middle one round it by one bin."""
    first, last = band_edges(1025, RATE)
    step = 0.5 * RATE / 1024
    bins = np.arange(1025)
    width = 24.7 * (4.37 * bins * step / 1000.0 + 1.0) / step
    inner = (first > 0) & (last < 1025)
    assert np.all(np.abs((last - first) - width)[inner] <= 1.0 + 1e-9)
    assert np.all((first <= bins) & (bins < last))
    assert inner.sum() > 950


# The compiled loops against what they say they do.


def complex_noise(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def test_channel_products_are_averages_over_bands(rng):
    left, right = complex_noise(rng, 2, 5, 33)
    first, last = band_edges(33, 2000)
    out = np.zeros((5, 3, 33))
    channel_products(left, right, first, last, np.empty((3, left.shape[1] + 1)), out)
    for b in range(33):
        x, y = left[:, first[b] : last[b]], right[:, first[b] : last[b]]
        expected = np.stack([np.abs(x) ** 2, np.abs(y) ** 2, (x * y.conj()).real]).mean(axis=2)
        np.testing.assert_allclose(out[:, :, b], expected.T, atol=1e-12)


def test_louder_neighbours_have_the_weight_of_the_frame(rng):
    products = rng.uniform(0.1, 1.0, (5, 3, 4))
    products[4] *= 1000.0
    weights = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
    mean = np.empty((3, 4))
    average_products(products, weights, 0, mean.shape[1], mean)
    total = products[:, :2].sum(axis=1)
    held = products * np.minimum(1.0, total[2] / total)[:, None]
    np.testing.assert_allclose(mean, np.tensordot(weights, held, 1), rtol=1e-12)
    products[2] = 0.0
    average_products(products, weights, 0, mean.shape[1], mean)
    np.testing.assert_array_equal(mean, 0.0)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
def test_direct_sound_is_the_principal_component(share, rng):
    """Oracle: eigenvectors of the covariance; the residual has twice the smaller power."""
    frames = 20_000
    angle = np.deg2rad(25.0)
    axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    covariance = axes @ np.diag([1.0, share]) @ axes.T
    values, vectors = np.linalg.eigh(covariance)
    sides = axes @ (np.sqrt([[1.0], [share]]) * complex_noise(rng, 2, frames) * np.sqrt(0.5))
    left, right = sides[:, :, None].copy()
    products = np.empty((frames, 3, 1))
    products[:, :, 0] = covariance[0, 0], covariance[1, 1], covariance[0, 1]
    gains = np.stack([np.ones(257), np.linspace(-1.0, 1.0, 257)], axis=1)
    out = np.zeros((4, frames, 1), complex)
    settings = np.array([0.0, 1e9, 0.0])  # no knee, no limit, nothing stands in
    separate(0, 1, left, right, products, np.ones(1), gains, *settings, *np.zeros((2, 3, 1)), out)
    if share == 1.0:  # no direction stands out
        np.testing.assert_allclose(out[:2], 0.0, atol=1e-12)
    if share == 0.0:  # 0 / 0 without a knee
        return
    found = np.mean(np.abs(out[2:, :, 0]) ** 2)
    assert found == pytest.approx(share, rel=0.03)  # 20000 draws
    if share < 1.0:
        axis = vectors[:, 1] * np.sign(vectors[0, 1])
        direct = (1.0 - values[0] / values[1]) * (axis @ sides)
        np.testing.assert_allclose(out[0, :, 0], direct, atol=1e-12)
        position = (axis[0] - axis[1]) / (axis[0] + axis[1])
        np.testing.assert_allclose(out[1, :, 0], position * direct, atol=np.abs(direct).max() / 256)
        rest = sides - np.outer(axis, direct)
        np.testing.assert_allclose(out[2:, :, 0], np.sqrt(2.0 / (1.0 + share)) * rest, atol=1e-12)


def test_all_pass_kernel_is_a_chain_of_sections(rng):
    """Oracle: `AllPassSection`, block by block, of odd lengths."""
    signal = rng.standard_normal(3000)
    delays, gains = np.array([7, 250, 1]), np.array([0.5, -0.5, 0.5])
    expected = signal
    for delay, gain in zip(delays, gains, strict=True):
        expected = section(delay, gain).process(expected)
    found = signal.copy()
    lines, positions = np.zeros((3, 250)), np.zeros(3, int)
    for block in np.split(found, [0, 1, 300, 1777]):
        all_pass(block, delays, gains, lines, positions)
    np.testing.assert_array_equal(found, expected)


def test_mixing_is_the_product_of_matrices(rng):
    matrix, rows = rng.standard_normal((5, 4)), rng.standard_normal((4, 4097))
    matrix[rng.random((5, 4)) < 0.5] = 0.0
    out = np.full((5, 4097), np.nan)
    mix(matrix, rows, out)
    np.testing.assert_allclose(out, matrix @ rows, atol=1e-12)


@given(st.integers(0, 10**6), st.integers(1, 7), st.integers(0, 8))
def test_nonnegative_least_squares_equal_those_of_scipy(seed, unknowns, more):
    rng = np.random.default_rng(seed)
    equations = unknowns + more
    weights = 10.0 ** rng.uniform(-2.0, 3.0, (equations, 1))
    matrix = weights * rng.standard_normal((equations, unknowns))
    target = rng.standard_normal(equations)
    expected = scipy.optimize.nnls(matrix, target)[0]
    found = nonnegative_least_squares(matrix, target)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())
    assert (found >= 0.0).all()
