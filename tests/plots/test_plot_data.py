"""Data of the plots: closed forms of plane waves, sums, and slow textbook code."""

import itertools

import numpy as np
import pytest

import spatialkit
from spatialkit import metrics, plots
from spatialkit.errors import LayoutError, OptionError, ShapeError, SignalError

RATE = 48000


@pytest.mark.parametrize("order", [1, 2, 5])
@pytest.mark.parametrize("weights", ["basic", "max-re", "in-phase"])
def test_a_plane_wave_has_its_power_in_its_direction(order, weights, rng):
    wave = rng.standard_normal(4800)
    # Directions of the grid: 4 degrees apart, elevations at -88, -84 ...
    scene = spatialkit.encode_ambisonics(wave, 64.0, 40.0, order=order)
    found = plots.energy_map(
        scene, sample_rate=RATE, format=f"ambix{order}", frame_rate=10.0, weights=weights
    )
    assert found.power.shape == (1, 45, 90)
    row, column = np.unravel_index(found.power[0].argmax(), (45, 90))
    assert (found.azimuth[column], found.elevation[row]) == (64.0, 40.0)
    # float64 sums of 4800 products
    assert found.power.max() == pytest.approx(np.mean(wave**2), rel=1e-12)


def test_first_order_beams_have_their_closed_form():
    wave = np.ones(480)
    scene = spatialkit.encode_foa(wave, 0.0)
    found = plots.energy_map(
        scene, sample_rate=RATE, format="foa", elevations=1, weights="basic", frame_rate=100.0
    )
    cosine = np.cos(np.radians(found.azimuth))
    np.testing.assert_allclose(found.power[0, 0], ((1 + 3 * cosine) / 4) ** 2, atol=1e-14)


@pytest.mark.parametrize("form", ["foa", "fuma1", "ambix3", "5.1", "7.1.4"])
def test_the_map_equals_decoding_every_direction(form, rng):
    """Oracle: each beam as a signal, squared and averaged."""
    where = spatialkit.get_format(form)
    audio = rng.standard_normal((where.n_channels, 2401))
    found = plots.energy_map(
        audio, sample_rate=RATE, format=form, azimuths=8, elevations=4, order=None
    )
    order = where.order if hasattr(where, "order") else 5
    scene = spatialkit.render(audio, form, spatialkit.AmbisonicFormat(order, "N3D"))
    root = np.polynomial.legendre.leggauss(order + 1)[0][-1]
    gains = np.polynomial.legendre.legvander(root, order)[0]
    degrees = np.repeat(np.arange(order + 1), 2 * np.arange(order + 1) + 1)
    for (row, elevation), (column, azimuth) in itertools.product(
        enumerate(found.elevation), enumerate(found.azimuth)
    ):
        harmonics = spatialkit.spherical_harmonics(
            azimuth, elevation, order=order, normalization="N3D"
        )
        beam = (harmonics * gains[degrees]) @ scene / np.sum(gains[degrees])
        frames = [np.mean(beam[:2400] ** 2), np.mean(beam[2400:] ** 2)]
        np.testing.assert_allclose(found.power[:, row, column], frames, rtol=1e-10)


def test_frames_cover_all_samples_once(rng):
    """The mean over frames, weighted by their length, is that of the whole signal."""
    audio = rng.standard_normal((4, 44100 + 77))
    one = plots.energy_map(audio, sample_rate=44100, format="foa", frame_rate=0.1, azimuths=4)
    many = plots.energy_map(audio, sample_rate=44100, format="foa", frame_rate=7.0, azimuths=4)
    lengths = np.diff(np.append(np.arange(0, 44177, 6300), 44177))
    mean = np.tensordot(lengths / 44177, many.power, 1)
    np.testing.assert_allclose(mean, one.power[0], rtol=1e-9)
    assert many.seconds[0] == pytest.approx(1 / 14)


@pytest.mark.parametrize("form", ["foa", "7.1.4"])
def test_the_anglegram_shows_a_source_at_its_azimuth(form, rng):
    noise = rng.standard_normal(2 * RATE)
    audio = spatialkit.encode_foa(noise, -90.0)
    if form != "foa":
        audio = spatialkit.vbap_pan(noise, -90.0, layout=form)
    found = plots.anglegram(audio, sample_rate=RATE, format=form)
    assert (found.azimuth[found.power.argmax(axis=0)] == -90.0).all()
    beams = plots.anglegram(audio, sample_rate=RATE, format=form, method="beams")
    assert (np.abs(beams.azimuth[beams.power.argmax(axis=0)] + 90.0) <= 5.0).all()


def test_the_anglegram_preserves_the_energy_in_bands(rng):
    """The sum over azimuths is the mean square of W, of noise between 55 Hz and 16.9 kHz."""
    noise = rng.standard_normal(4 * RATE)
    spectrum = np.fft.rfft(noise)
    frequencies = np.fft.rfftfreq(len(noise), 1.0 / RATE)
    spectrum[(frequencies < 200.0) | (frequencies > 15000.0)] = 0.0
    band = np.fft.irfft(spectrum)
    found = plots.anglegram(spatialkit.encode_foa(band, 30.0), sample_rate=RATE, format="foa")
    inner = found.power.sum(axis=0)[1:-1]
    # Windows of 43 ms: the variance of noise in frames, and bins at the edges of the band.
    assert inner.mean() == pytest.approx(np.mean(band**2), rel=0.02)


def test_levels_are_those_of_each_frame():
    ramp = np.array([[1.0] * 100 + [0.1] * 100 + [0.0] * 50])
    found = plots.channel_levels(ramp, sample_rate=1000, frame=0.1)
    np.testing.assert_allclose(found.level, [[0.0, -20.0, -200.0]], atol=1e-12)
    np.testing.assert_allclose(found.seconds, [0.0, 0.1, 0.2, 0.25])


def test_the_bands_of_a_spectrogram_add_up(rng):
    """Parseval: the sum of the bands is the mean square, apart from sound outside of them."""
    noise = rng.standard_normal((2, 4 * RATE)).astype(np.float32)
    found = plots.spectrograms(noise, sample_rate=RATE, format="stereo", columns=20)
    assert found.level.shape[2] <= 20
    assert found.labels == ("FL", "FR")
    total = np.sum(10.0 ** (found.level / 10.0), axis=1)[:, 1:-1].mean(axis=1)
    outside = (found.frequencies[-1] - found.frequencies[0]) / (RATE / 2.0)
    np.testing.assert_allclose(total, min(outside, 1.0) * np.mean(noise**2, axis=1), rtol=0.02)


def test_energy_vectors_agree_with_the_metric():
    gains = plots.channel_gains("5.1", [10.0, 80.0], order=1)
    found = plots.energy_vectors(gains, "5.1")
    for vector, row in zip(found, gains, strict=True):
        np.testing.assert_allclose(vector, metrics.energy_vector(row[:, None], "5.1"), atol=1e-12)
    assert np.isnan(plots.energy_vectors(np.zeros(6), "5.1")).all()


def test_correlation_of_known_signals(rng):
    mono = rng.standard_normal(1000)
    assert metrics.correlation(np.stack([mono, 3.0 * mono])) == pytest.approx(1.0, abs=1e-12)
    assert metrics.correlation(np.stack([mono, -mono])) == pytest.approx(-1.0, abs=1e-12)
    angle = 2.0 * np.pi * np.arange(480) / 48.0
    pair = np.stack([np.sin(angle), np.sin(angle + np.radians(60.0))])
    assert metrics.correlation(pair) == pytest.approx(0.5, abs=1e-12)  # cosine of the phase
    assert np.isnan(metrics.correlation(np.stack([mono, 0.0 * mono])))


def test_correlation_of_pairs_batches_and_levels(rng):
    audio = rng.standard_normal((2, 3, 500)).astype(np.float32)
    found = metrics.correlation(audio)
    assert found.shape == (2, 3)
    expected = [np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b))
                for a, b in itertools.combinations(audio[1].astype(np.float64), 2)]  # fmt: skip
    np.testing.assert_allclose(found[1], expected, atol=1e-12)
    # Levels far from full scale do not overflow or vanish.
    np.testing.assert_allclose(metrics.correlation(audio.astype(float) * 1e-200), found, atol=1e-6)
    with pytest.raises(ShapeError, match="two channels"):
        metrics.correlation(audio[:, :1])
    with pytest.raises(SignalError, match="nan"):
        metrics.correlation(np.full((2, 4), np.nan))


@pytest.mark.parametrize("function", [plots.energy_map, plots.anglegram])
def test_scenes_need_a_format_and_a_rate(function):
    with pytest.raises(OptionError, match="sample_rate is missing"):
        function(np.zeros((4, 100)), format="foa")
    with pytest.raises(LayoutError, match="format is missing"):
        function(np.zeros((4, 100)), sample_rate=RATE)
    with pytest.raises(ShapeError, match="one item"):
        function(np.zeros((2, 4, 100)), sample_rate=RATE, format="foa")
    with pytest.raises(OptionError, match="order"):
        plots.energy_map(np.zeros((4, 100)), sample_rate=RATE, format="foa", order=2)


def test_short_and_silent_scenes_are_accepted():
    for samples in (0, 1, 100):
        audio = np.zeros((4, samples))
        assert not plots.energy_map(audio, sample_rate=RATE, format="foa").power.any()
        assert not plots.anglegram(audio, sample_rate=RATE, format="foa").power.any()
        assert plots.channel_levels(audio, sample_rate=RATE).level.max(initial=-200.0) == -200.0
        assert plots.spectrograms(audio, sample_rate=RATE).level.max() == -200.0
