"""Moving sums over bins and frames."""

from __future__ import annotations

import numpy as np
import pytest

from spatialkit.errors import OptionError, ShapeError
from spatialkit.stft import moving_sum


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 9, 20, None])
@pytest.mark.parametrize("bins", [1, 2, 5, None])
def test_sums_are_those_of_the_neighbourhood(rng, frames, bins):
    """Oracle: one slice per bin; of an even size one more value lies behind the centre."""
    values = rng.standard_normal((2, 6, 11))

    def around(center, count, size):
        return slice(max(center - (count - 1) // 2, 0), min(center + count // 2 + 1, size))

    sums = moving_sum(values, frames=frames, bins=bins)
    assert sums.shape == (2, 6 if bins else 1, 11 if frames else 1)
    for b, f in np.ndindex(sums.shape[1:]):
        near_bins = around(b, bins, 6) if bins else slice(None)
        near_frames = around(f, frames, 11) if frames else slice(None)
        expected = values[:, near_bins, near_frames].sum(axis=(-2, -1))
        np.testing.assert_allclose(sums[:, b, f], expected, atol=1e-13)


def test_values_without_frames_are_kept():
    assert moving_sum(np.zeros((3, 0)), frames=5).shape == (3, 0)


def test_invalid_arguments_are_rejected():
    with pytest.raises(ShapeError, match=r"\(\.\.\., bins, frames\), got \(5,\)"):
        moving_sum(np.zeros(5))
    with pytest.raises(OptionError, match="frames must be at least 1"):
        moving_sum(np.zeros((5, 5)), frames=0)
    with pytest.raises(OptionError, match="bins must be at least 1"):
        moving_sum(np.zeros((5, 5)), bins=0)
