"""Sources at a distance: level, propagation in air, and near-field coding."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import spherical_jn, spherical_yn

from spatialkit import Audio, encode_ambisonics, encode_foa, vbap_pan
from spatialkit.acoustics import SPEED_OF_SOUND, air_absorption
from spatialkit.errors import OptionError, ShapeError
from spatialkit.propagation import propagate

RATE = 48000


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("place", [vbap_pan, encode_foa])
def test_the_level_is_that_of_the_distance_from_one_metre_on(rng, place, dtype):
    sources = rng.standard_normal((2, 3, 500)).astype(dtype)
    angles = [0.0, 60.0, -100.0]
    found = place(sources, angles, distance=[0.2, 1.0, 4.0])
    assert found.dtype == dtype
    scaled = sources * np.array([[1.0], [1.0], [0.25]], dtype)
    assert found == pytest.approx(place(scaled, angles), abs=1e-6)
    assert place(sources[0, 0], 20.0, distance=8.0) == pytest.approx(
        place(sources[0, 0], 20.0) / 8.0, abs=1e-6
    )


def test_the_level_of_a_source_that_comes_nearer_is_one_over_the_distance():
    audio = np.ones(1001)
    found = encode_foa(audio, 30.0, distance=[11.0, 0.0])
    metres = np.linspace(11.0, 0.0, 1001)
    assert found[0] == pytest.approx(1.0 / np.maximum(metres, 1.0), rel=1e-12)
    # Points of distance and azimuth need not be as many.
    moving = vbap_pan(audio, [0.0, 45.0, 90.0], layout="7.1.4", distance=[11.0, 0.0])
    power = np.sqrt((moving**2).sum(axis=0))
    assert power == pytest.approx(1.0 / np.maximum(metres, 1.0), rel=1e-9)


@pytest.mark.parametrize(
    ("distance", "error", "sentence"),
    [
        (-1.0, OptionError, "distance must be from 0 to 100000 metres, got -1"),
        (np.nan, OptionError, "distance must be from 0 to 100000 metres, got nan"),
        ("far", OptionError, "distance must be numbers in metres, got 'far'"),
        ([1.0, 2.0, 3.0], ShapeError, r"distance must be a scalar, \(2,\) or \(2, points\)"),
    ],
)
def test_refused_distances(distance, error, sentence):
    for place in (vbap_pan, encode_foa):
        with pytest.raises(error, match=sentence):
            place(np.zeros((2, 100)), 0.0, distance=distance)


# ISO 9613-2:1996, Table 2: dB per kilometre at the midband frequencies from 63 to 8000 Hz, by
# temperature and relative humidity.
ISO_9613_2 = {
    (10, 70): [0.1, 0.4, 1.0, 1.9, 3.7, 9.7, 32.8, 117.0],
    (20, 70): [0.1, 0.3, 1.1, 2.8, 5.0, 9.0, 22.9, 76.6],
    (30, 70): [0.1, 0.3, 1.0, 3.1, 7.4, 12.7, 23.1, 59.3],
    (15, 20): [0.3, 0.6, 1.2, 2.7, 8.2, 28.2, 88.8, 202.0],
    (15, 50): [0.1, 0.5, 1.2, 2.2, 4.2, 10.8, 36.2, 129.0],
    (15, 80): [0.1, 0.3, 1.1, 2.4, 4.1, 8.3, 23.7, 82.8],
}


@pytest.mark.parametrize(("temperature", "humidity"), ISO_9613_2)
def test_absorption_in_air_is_that_of_the_table_of_iso_9613_2(temperature, humidity):
    midband = 1000.0 * 10.0 ** (0.3 * np.arange(-4, 4))
    found = 1000.0 * air_absorption(midband, temperature=temperature, humidity=humidity)
    expected = ISO_9613_2[temperature, humidity]
    assert found == pytest.approx(expected, rel=0.01, abs=0.06)


def test_refused_air():
    with pytest.raises(OptionError, match="humidity must be from 0 to 100 percent"):
        air_absorption(1000.0, humidity=120.0)
    with pytest.raises(OptionError, match="frequency must be from 0 to 10000000 Hz"):
        air_absorption(-1.0)


@pytest.mark.parametrize("frequency", [1000.0, 4000.0, 12000.0])
def test_a_distant_tone_is_late_and_absorbed(frequency):
    """A tone of known phase and level, away from its ends."""
    metres, times = 100.0, np.arange(RATE) / RATE
    far = propagate(np.sin(2.0 * np.pi * frequency * times), metres, RATE)
    gain = 10.0 ** (-metres * air_absorption(frequency) / 20.0)
    expected = gain * np.sin(2.0 * np.pi * frequency * (times - metres / SPEED_OF_SOUND))
    inner = slice(RATE // 2, RATE - 2000)
    assert np.abs(far - expected)[inner].max() < 0.01 * gain
    arrival = int(metres / SPEED_OF_SOUND * RATE)
    assert np.abs(far[: arrival - 1100]).max() < 1e-6


def test_an_approaching_source_is_higher():
    speed, times = 20.0, np.arange(RATE) / RATE
    tone = np.sin(2.0 * np.pi * 1000.0 * times)
    heard = propagate(tone, [50.0, 50.0 - speed], RATE, absorption=False)[RATE // 2 :][:16384]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(16384), 1 << 18))
    peak = spectrum.argmax() * RATE / (1 << 18)
    assert peak == pytest.approx(1000.0 * (1.0 + speed / SPEED_OF_SOUND), abs=0.3)


def test_propagation_keeps_shapes_and_leaves_near_sources_alone(rng):
    batch = rng.standard_normal((2, 3, 3000)).astype(np.float32)
    near = propagate(batch, 0.0, RATE)
    assert near.dtype == np.float32
    assert near == pytest.approx(batch, abs=1e-5)
    far = propagate(batch, [0.0, 10.0, 30.0], RATE)
    assert far[:, 0] == pytest.approx(batch[:, 0], abs=1e-5)
    assert np.array_equal(far[1], propagate(Audio(batch[1], RATE), [0.0, 10.0, 30.0]))
    assert np.array_equal(propagate(batch, 30.0, RATE, delay=False, absorption=False), batch)
    assert propagate(np.zeros(0), 5.0, RATE).shape == (0,)
    with pytest.raises(OptionError, match="sample_rate is missing"):
        propagate(batch, 1.0)


def hankel(order, argument):
    return spherical_jn(order, argument) - 1j * spherical_yn(order, argument)


@pytest.mark.parametrize("distance", [1.2, 3.0, None])
def test_near_field_coding_is_the_ratio_of_spherical_waves(distance):
    """Oracle: spherical Hankel functions of the source and of the loudspeakers (SciPy)."""
    radius, top = 2.0, 7
    impulse = np.zeros(RATE)
    impulse[0] = 1.0
    scene = encode_ambisonics(
        impulse,
        20.0,
        30.0,
        order=top,
        distance=distance,
        near_field_radius=radius,
        sample_rate=RATE,
    )
    plain = encode_ambisonics(impulse, 20.0, 30.0, order=top, distance=distance)
    hertz = np.array([40.0, 100.0, 300.0, 1000.0])
    for order in range(top + 1):
        channel = order * (order + 1) + order
        response = np.fft.rfft(scene[channel])[hertz.astype(int)] / plain[channel, 0]
        wave = 2.0 * np.pi * hertz / SPEED_OF_SOUND
        loudspeakers = hankel(order, wave * radius) / hankel(0, wave * radius)
        source = 1j**order
        if distance is not None:
            source = hankel(order, wave * distance) / hankel(0, wave * distance)
        assert response == pytest.approx(source / loudspeakers, rel=5e-3, abs=1e-6)


def test_near_field_coding_of_several_and_moving_sources(rng):
    audio = rng.standard_normal((2, 2, 4000)).astype(np.float32)
    options = {"near_field_radius": 1.5, "sample_rate": RATE, "order": 2}
    path = [[0.0, 50.0], [90.0, 90.0]]
    both = encode_ambisonics(audio, path, distance=[1.0, 4.0], **options)
    assert (both.dtype, both.shape) == (np.float32, (2, 9, 4000))
    each = [
        encode_ambisonics(audio[1, number], path[number], distance=metres, **options)
        for number, metres in enumerate([1.0, 4.0])
    ]
    assert both[1] == pytest.approx(sum(each), abs=1e-4)
    equal = encode_ambisonics(audio, path, distance=1.5, **options)
    assert equal == pytest.approx(encode_ambisonics(audio, path, order=2, distance=1.5), abs=1e-4)
    # A source in the middle of the listener has the wave front of half the radius.
    nearest = encode_ambisonics(audio, 0.0, distance=0.0, **options)
    assert np.array_equal(nearest, encode_ambisonics(audio, 0.0, distance=0.75, **options))
    fuma = encode_foa(audio, 20.0, near_field_radius=1.0, sample_rate=RATE, channel_order="FuMa")
    acn = encode_foa(audio, 20.0, near_field_radius=1.0, sample_rate=RATE)
    assert np.array_equal(fuma[:, [0, 2, 3, 1]], acn)


def test_the_wave_front_of_an_approaching_source_is_that_of_its_distance():
    """Low tone: order 2 has the gain of the Hankel functions at the distance of each moment."""
    radius, hertz, samples = 2.0, 30.0, 4 * RATE
    tone = np.exp(2j * np.pi * hertz * np.arange(samples) / RATE)
    options = {"order": 2, "distance": [4.0, 1.0], "near_field_radius": radius}
    zenith = [
        encode_ambisonics(part, 0.0, 90.0, sample_rate=RATE, **options)
        for part in (tone.real.copy(), tone.imag.copy())
    ]
    found = (zenith[0] + 1j * zenith[1])[6] / tone
    wave = 2.0 * np.pi * hertz / SPEED_OF_SOUND
    for moment in (0.25, 0.5, 0.9):
        metres = 4.0 - 3.0 * moment
        ratio = hankel(2, wave * metres) / hankel(0, wave * metres)
        ratio /= hankel(2, wave * radius) / hankel(0, wave * radius)
        # The filters are as slow as the tone: 0.75 m/s change their gains by 1 % meanwhile.
        assert found[int(moment * samples)] == pytest.approx(ratio / metres, rel=0.02)


def test_refused_near_fields():
    audio = np.zeros((2, 100))
    with pytest.raises(OptionError, match="near_field_radius needs sample_rate, in Hz"):
        encode_foa(audio, 0.0, near_field_radius=1.0)
    with pytest.raises(OptionError, match=r"near_field_radius must be from 0.1 to 100 m, got 0.0"):
        encode_foa(audio, 0.0, near_field_radius=0.0, sample_rate=RATE)
