"""Panning of stereo stems with their width."""

import numpy as np
import pytest

from spatialkit.panning import vbap_gains
from spatialkit_models.style_vae.stem_panning import stereo_gains

LEFT_TO_RIGHT = (3, 0, 2, 1, 4)  # SL FL FC FR SR


def unit_gains(*azimuths):
    gains = vbap_gains(np.array(azimuths, float)).sum(0)
    return gains / np.linalg.norm(gains)


@pytest.mark.parametrize("azimuths", [(0,), (30, -30), (60,), (100,), (0, 90, -90), (-170,)])
def test_a_stem_with_equal_channels_is_panned_as_mono(azimuths):
    gains = unit_gains(*azimuths)
    np.testing.assert_allclose(stereo_gains(gains).sum(1), np.sqrt(2.0) * gains, atol=1e-12)


@pytest.mark.parametrize("pair", [(0, 1), (3, 4), (0, 2), (0, 3)])
def test_two_equal_loudspeakers_receive_left_and_right(pair):
    gains = np.zeros(5)
    gains[list(pair)] = np.sqrt(0.5)
    first, second = sorted(pair, key=LEFT_TO_RIGHT.index)
    expected = np.zeros((5, 2))
    expected[first, 0] = expected[second, 1] = 1.0
    np.testing.assert_allclose(stereo_gains(gains), expected, atol=1e-12)


def test_no_energy_is_added_and_none_leaves_the_loudspeakers_of_the_style():
    rng = np.random.default_rng(0)
    gains = rng.dirichlet(np.full(5, 0.4), 200) ** 0.5
    gains *= rng.random((200, 5)) < 0.6
    gains = gains[gains.any(1)]
    gains /= np.linalg.norm(gains, axis=1, keepdims=True)
    found = stereo_gains(gains)
    assert not found[gains == 0.0].any()
    values = np.linalg.svd(found, compute_uv=False)
    np.testing.assert_allclose(values[:, 0], 1.0, atol=1e-12)
    assert values[:, 1].max() <= 1.0 + 1e-12


def test_mirrored_gains_exchange_left_and_right():
    gains = unit_gains(20, 75)
    mirrored = stereo_gains(gains[[1, 0, 2, 4, 3]])
    np.testing.assert_allclose(mirrored[[1, 0, 2, 4, 3]][:, ::-1], stereo_gains(gains), atol=1e-12)
