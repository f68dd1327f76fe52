"""Binaural filters and their report: oracles, known errors, symmetries, rejected arguments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spatialkit import spherical_harmonics
from spatialkit.binaural import (
    METHODS,
    binaural_filters,
    binaural_report,
    binauralize,
    design,
    read_hrtf,
)
from spatialkit.errors import OptionError, ShapeError, SignalError

KU100 = read_hrtf()
PEER = Path(__file__).parents[1] / "data" / "binaural" / "spaudiopy_magls.npz"


def harmonics(order, normalization="N3D"):
    return spherical_harmonics(
        KU100.azimuth, KU100.elevation, order=order, normalization=normalization
    )


# Oracles


@pytest.mark.parametrize("order", [1, 3])
def test_magnitude_least_squares_equals_spaudiopy(order):
    """Oracle: `spaudiopy.decoder.magls_bin` on the same set, with its choices."""
    spectra, frequencies = np.fft.rfft(KU100.ir, 1024, axis=-1), np.fft.rfftfreq(1024, 1 / 48000)
    basis = harmonics(order)
    projection = np.linalg.pinv(basis)  # all directions count equally
    found = design.magnitude_least_squares(
        spectra, basis, projection, frequencies, 600.0 * order, iterations=1, octaves=0.0
    )
    filters = np.fft.irfft(found, 1024, axis=-1)[..., :128]
    # It fades the first and last samples.
    filters[..., -32:] *= np.hanning(64)[32:]
    filters[..., :4] *= np.hanning(8)[:4]
    with np.load(PEER) as stored:  # in float32
        peer = stored[f"order{order}"]
    np.testing.assert_allclose(filters, peer, atol=1e-6 * np.abs(peer).max())


def test_least_squares_is_the_weighted_solution_of_the_normal_equations():
    basis, weights = harmonics(2), KU100.weights[:, None]
    spectra = np.fft.rfft(KU100.ir, 1024, axis=-1)
    gram = basis.T @ (weights * basis)
    wanted = np.linalg.solve(gram, (basis * weights).T @ spectra.reshape(len(basis), -1))
    wanted = np.moveaxis(np.fft.irfft(wanted.reshape(9, 2, -1), 1024), 0, 1)[..., :256]
    found = binaural_filters(KU100, 2, method="least-squares", normalization="N3D")
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_the_covariance_of_a_diffuse_field_is_that_of_the_set():
    """Before the filters are cut to their length, exactly."""
    spectra, frequencies = np.fft.rfft(KU100.ir, 1024, axis=-1), np.fft.rfftfreq(1024, 1 / 48000)
    filters = design.least_squares(spectra, np.linalg.pinv(harmonics(1)))
    found = design.constrain_covariance(filters, spectra, KU100.weights)
    covariance = np.einsum("enb,fnb->bef", found, found.conj())
    wanted = np.einsum("d,deb,dfb->bef", KU100.weights, spectra, spectra.conj())
    np.testing.assert_allclose(covariance, wanted, atol=1e-9 * np.abs(wanted).max())
    assert len(frequencies) == len(covariance)


# Errors


@pytest.mark.parametrize(
    ("order", "method", "magnitude", "itd", "coherence"),
    [
        (1, "magls", 2.0, 185.0, 0.25),
        (2, "magls", 1.4, 60.0, 0.16),
        (3, "magls", 1.1, 15.0, 0.07),
        (3, "magls-covariance", 1.2, 15.0, 0.01),
        (5, "magls-covariance", 0.8, 9.0, 0.01),
        (7, "magls", 0.55, 9.0, 0.05),
        (3, "time-aligned", 1.6, 13.0, 0.03),
        (3, "virtual-loudspeakers", 2.8, 13.0, 0.14),
    ],
)
def test_errors_of_the_bundled_set(order, method, magnitude, itd, coherence):
    report = binaural_report(binaural_filters(KU100, order, method=method))
    assert report.magnitude_error_db.mean() < magnitude
    assert report.itd_error_us < itd
    assert report.coherence_error.mean() < coherence


def test_errors_fall_with_the_order_and_least_squares_is_dull():
    means = [
        binaural_report(binaural_filters(order=order, method=method)).magnitude_error_db.mean()
        for order, method in ((7, "magls"), (5, "magls"), (3, "magls"), (3, "least-squares"))
    ]
    assert means == sorted(means)
    assert means[-1] > 5.0


def test_filters_of_known_errors_have_these_errors():
    """Oracle: filters of order 1 that are exact for a head whose responses are of order 1."""
    from spatialkit.binaural import HRTF

    head = np.zeros((2, 4, 32))
    head[0, 0, 4] = head[1, 0, 4] = 1.0
    head[0, 1, 4], head[1, 1, 4] = 0.5, -0.5
    ir = np.tensordot(harmonics(1, "SN3D"), head, (1, 1))
    hrtf = HRTF(ir, KU100.azimuth, KU100.elevation, 48000)
    report = binaural_report(head, hrtf)
    for field in ("magnitude_error_db", "ild_error_db", "coherence_error", "loudness_error_db"):
        np.testing.assert_allclose(getattr(report, field), 0.0, atol=1e-9)
    assert report.itd_error_us == pytest.approx(0.0, abs=1e-6)
    # Power 1 + 0.25 / 3 at each ear, product 1 - 0.25 / 3.
    np.testing.assert_allclose(report.coherence, (1 - 0.25 / 3) / (1 + 0.25 / 3), atol=2e-3)
    louder = binaural_report(head * [[[2.0]], [[1.0]]], hrtf)
    np.testing.assert_allclose(louder.magnitude_error_db, 10 * np.log10(4) / 2, atol=1e-9)
    np.testing.assert_allclose(louder.ild_error_db, 10 * np.log10(4), atol=1e-9)
    later = np.roll(head, 6, axis=-1)
    later[1] = head[1]
    assert binaural_report(later, hrtf).itd_error_us == pytest.approx(125.0, abs=0.5)
    swapped = binaural_report(head * [[[1.0]], [[-1.0]]], hrtf)
    np.testing.assert_allclose(swapped.coherence, -report.coherence, atol=1e-12)


# Properties


@pytest.mark.parametrize("method", METHODS)
def test_a_symmetric_set_gives_symmetric_filters(method):
    """Harmonics of negative degree change their sign when left and right are exchanged."""
    filters = binaural_filters(KU100, 3, method=method)
    sign = np.sign(
        spherical_harmonics(-33.0, 20.0, order=3) / spherical_harmonics(33.0, 20.0, order=3)
    )
    np.testing.assert_array_equal(filters[1], sign[:, None] * filters[0])


def test_normalizations_render_the_same_scene_alike():
    noise = np.random.default_rng(0).standard_normal(2000)
    rendered = [
        binauralize(
            spherical_harmonics(40.0, 10.0, order=2, normalization=name)[:, None] * noise,
            binaural_filters(order=2, normalization=name),
        )
        for name in ("SN3D", "N3D", "FuMa")
    ]
    np.testing.assert_allclose(rendered[1], rendered[0], atol=1e-12)
    np.testing.assert_allclose(rendered[2], rendered[0], atol=1e-12)


def test_other_rates_and_lengths():
    at_48 = binaural_filters(order=3)
    assert at_48.shape == (2, 16, 256)
    assert binaural_filters(order=3, sample_rate=44100).shape == (2, 16, 235)
    assert binaural_filters(order=3, sample_rate=96000).shape == (2, 16, 512)
    np.testing.assert_array_equal(binaural_filters(order=3, taps=100), at_48[..., :100])
    frequencies = np.arange(100.0, 16000.0, 50.0)
    for rate in (44100, 96000):
        other = binaural_filters(order=3, sample_rate=rate)
        spectra = [
            np.abs(
                filters
                @ np.exp(-2j * np.pi * np.outer(np.arange(filters.shape[2]), frequencies) / r)
            )
            for filters, r in ((at_48, 48000), (other, rate))
        ]
        np.testing.assert_allclose(*spectra, atol=0.02 * spectra[0].max())


def test_filters_are_a_copy():
    first = binaural_filters(order=1)
    first[:] = 0.0
    assert binaural_filters(order=1).any()


def test_a_report_has_a_sentence():
    report = binaural_report(binaural_filters(order=2))
    assert repr(report) == f"BinauralReport(order=2, {len(report.frequencies)} bands)"
    assert str(report).startswith("order 2: magnitude 1.")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 8}, "order must be from 1 to 7, got 8"),
        ({"method": "magl"}, "unknown method 'magl'; did you mean 'magls'"),
        ({"transition": 10.0}, "transition must be from 100 to 20000 Hz"),
        ({"taps": 0}, "taps must be from 1"),
        ({"sample_rate": 100}, "sample_rate must be from 8000 to"),
        ({"normalization": "max"}, "unknown normalization"),
    ],
)
def test_invalid_options_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        binaural_filters(**options)


def test_invalid_filters_are_refused():
    with pytest.raises(ShapeError, match=r"filters must have shape \(2, channels, taps\)"):
        binaural_report(np.zeros((4, 64)))
    with pytest.raises(ShapeError, match=r"\(order \+ 1\)\^2 harmonics"):
        binaural_report(np.zeros((2, 5, 64)))
    with pytest.raises(SignalError, match="filters holds nan"):
        binauralize(np.zeros((4, 10)), np.full((2, 4, 8), np.nan))
