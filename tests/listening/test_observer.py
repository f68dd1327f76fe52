"""Binaural observer: directions of known sources, and preference for the true condition."""

from __future__ import annotations

import numpy as np
import pytest

from spatialkit import Layout, vbap_pan
from spatialkit.errors import OptionError, ShapeError, SignalError
from spatialkit.listening import BinauralObserver

RATE = 44100
RING = Layout("ring", [f"S{n}" for n in range(24)], 15.0 * np.arange(24))


@pytest.fixture(scope="module")
def stems():
    return np.random.default_rng(0).standard_normal((4, 30000))


@pytest.fixture(scope="module")
def observer(stems):
    return BinauralObserver(stems, RATE)


@pytest.fixture(scope="module")
def ring_observer(stems):
    return BinauralObserver(stems, RATE, layout=RING)


def test_directions_of_single_loudspeakers_are_exact(stems, observer):
    """Each stem in a loudspeaker of 5.0: the cues are those of a direction of the grid."""
    for azimuth in ([30.0, -110.0, 0.0, 110.0], [-30.0, 0.0, 110.0, 30.0]):
        found = observer.directions(vbap_pan(stems, azimuth))
        # 30, 110: between directions 3 degrees apart, found by a parabola
        np.testing.assert_allclose(found, azimuth, atol=1.0)


def test_directions_all_around_with_dense_loudspeakers(stems, ring_observer):
    """Loudspeakers 15 degrees apart: phantom sources are heard where they are panned."""
    for start in range(-180, 180, 44):
        azimuth = start + 11.0 * np.arange(4)
        found = ring_observer.directions(vbap_pan(stems, azimuth, layout=RING))
        error = np.abs((found - azimuth + 180.0) % 360.0 - 180.0)
        assert error.max() < 5.0  # amplitude panning is exact in a limit only


def test_front_and_rear_are_distinguished(stems, ring_observer):
    front, rear = [20.0, -20.0, 45.0, 0.0], [160.0, -160.0, 135.0, 180.0]
    errors = ring_observer.errors(
        vbap_pan(stems, front, layout=RING), vbap_pan(stems, rear, layout=RING)
    )
    np.testing.assert_allclose(errors, [140.0, 140.0, 90.0, 180.0], atol=5.0)


@pytest.mark.parametrize("layout", ["5.0", RING], ids=["5.0", "ring"])
def test_error_grows_with_the_rotation(stems, observer, ring_observer, layout):
    """Mean over scenes; in 5.0 single stems jump, as phantom sources beside the listener do."""
    model = observer if layout == "5.0" else ring_observer
    rng = np.random.default_rng(1)
    angles = np.array([0.0, 2.0, 5.0, 10.0, 20.0, 45.0, 90.0, 180.0])
    errors = []
    for _ in range(6):
        azimuth = rng.uniform(-180.0, 180.0, 4)
        reference = vbap_pan(stems, azimuth, layout=layout)
        rotated = [vbap_pan(stems, azimuth + angle, layout=layout) for angle in angles]
        errors.append([np.mean(model.errors(reference, each)) for each in rotated])
        for each in rotated[1:]:  # the true condition is preferred to every rotated one
            assert model.choose(reference, reference, each)[-1] == 1.0
            assert model.choose(reference, each, reference)[-1] == 0.0
    mean = np.mean(errors, axis=0)
    assert mean[0] == 0.0
    assert np.all(np.diff(mean) > 0.0)
    if layout != "5.0":
        np.testing.assert_allclose(mean, angles, atol=3.0)


def test_less_rotation_is_preferred_for_each_stem(stems, ring_observer):
    azimuth = np.array([30.0, -70.0, 120.0, 0.0])
    reference, near, far = (
        vbap_pan(stems, azimuth + angle, layout=RING) for angle in (0.0, 10.0, 40.0)
    )
    assert ring_observer.choose(reference, near, far).tolist() == [1.0] * 5
    assert ring_observer.choose(reference, far, near).tolist() == [0.0] * 5
    assert ring_observer.choose(reference, near, near).tolist() == [0.5] * 5


def test_only_the_stem_that_differs_decides(stems, ring_observer):
    azimuth = np.array([30.0, -70.0, 120.0, 0.0])
    reference = vbap_pan(stems, azimuth, layout=RING)
    other = vbap_pan(stems, azimuth + np.array([0.0, 40.0, 0.0, 0.0]), layout=RING)
    found = ring_observer.choose(reference, reference, other)
    assert found[[1, 4]].tolist() == [1.0, 1.0]
    # The others differ by rounding errors of the regression at most.
    errors = ring_observer.errors(reference, other)
    assert errors[[0, 2, 3]].max() < 0.1


def test_level_and_silence(stems, observer):
    scene = vbap_pan(stems, [30.0, -110.0, 0.0, 110.0])
    np.testing.assert_allclose(
        observer.directions(0.01 * scene), observer.directions(scene), atol=1e-6
    )
    assert np.isnan(observer.directions(np.zeros_like(scene))).all()
    without = vbap_pan(stems * [[1.0], [1.0], [1.0], [0.0]], [30.0, -110.0, 0.0, 110.0])
    assert np.isnan(observer.directions(without)).tolist() == [False, False, False, True]
    assert observer.errors(scene, without)[3] == 180.0
    assert np.isnan(observer.errors(without, scene)[3])
    silent = BinauralObserver(stems * [[1.0], [0.0], [1.0], [1.0]], RATE)
    found = silent.choose(scene, scene, 0.5 * scene)
    assert np.isnan(found).tolist() == [False, True, False, False, False]


def test_wrong_arguments_are_refused(stems, observer):
    with pytest.raises(ShapeError, match="stems"):
        BinauralObserver(np.zeros((1, 2, 3, 4)), RATE)
    with pytest.raises(OptionError, match="sample_rate"):
        BinauralObserver(stems, 100)
    with pytest.raises(ShapeError):
        observer.directions(np.zeros((2, 30000)))
    with pytest.raises(OptionError, match="as long as the stems"):
        observer.directions(np.zeros((5, 100)))
    with pytest.raises(SignalError, match="finite"):
        observer.directions(np.full((5, 30000), np.nan))
