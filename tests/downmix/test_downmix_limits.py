"""Quiet signals in downmix correction: levels in dB do not depend on the scale."""

import numpy as np
import pytest

from spatialkit.downmix import match_downmix


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e-6])
def test_quiet_upmixes_are_matched_like_loud_ones(scale, rng):
    upmix, original = rng.normal(size=(5, 256)), rng.normal(size=(2, 256))
    loud, expected = match_downmix(upmix, original, "5.0", return_correction=True)
    quiet, found = match_downmix(scale * upmix, scale * original, "5.0", return_correction=True)
    np.testing.assert_allclose(quiet / scale, loud, rtol=1e-9, atol=1e-9)
    assert found == pytest.approx(float(expected), abs=1e-9)
