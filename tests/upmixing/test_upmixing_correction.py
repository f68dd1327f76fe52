"""`exact_downmix`: the base class gives any upmixer an exact downmix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialkit.downmix import DownmixCorrection, downmix_matrix, match_downmix
from spatialkit.errors import UpmixerError
from spatialkit.layouts import AmbisonicFormat, Layout, get_format
from spatialkit.metrics import downmix_error
from spatialkit.upmixing import Upmixer, UpmixStream, controls, get_upmixer

RATE = 48000
HELD = 50
# Rounding of twelve float32 channels, 2**-24 each, in a sum: 130 dB and more.
FLOAT32_EXACT = 125.0


@dataclass(frozen=True)
class Options:
    layout: Layout | AmbisonicFormat = controls.layout("7.1.4")
    exact_downmix: bool = controls.exact_downmix(True)


class Smear(Upmixer):
    """Each channel is an echo of the mean, so that wrong blocks differ from the whole."""

    name = "smear"
    accepts = (1, 2)
    options_class = Options

    def _upmix(self, audio, sample_rate):
        mean = audio.mean(axis=0) * audio.dtype.type(0.8)
        channels = np.zeros((self.format.n_channels, audio.shape[1]), audio.dtype)
        for lag, channel in enumerate(channels):
            channel[lag:] = mean[: max(0, len(mean) - lag)]
        return channels

    def _stream(self, sample_rate):
        return Late(self, sample_rate)


class Late(UpmixStream):
    """Upmix all previous samples in each call, and buffer ``HELD`` samples."""

    latency = HELD

    def __init__(self, upmixer, sample_rate):
        super().__init__(upmixer, sample_rate)
        self.heard = self.done = None

    def _process(self, block):
        before = block[:, :0] if self.heard is None else self.heard
        self.heard = np.concatenate([before, block], axis=1)
        return self._until(max(0, self.heard.shape[1] - HELD))

    def _flush(self):
        return self._until(self.heard.shape[1])

    def _until(self, end):
        start, self.done = self.done or 0, end
        return self.upmixer._upmix(self.heard, self.sample_rate)[:, start:end]


class Resampled(Smear):
    name = "resampled"
    sample_rate = 32000


class Hasty(Smear):
    """Upmixer whose streams return more samples than they received."""

    def _stream(self, sample_rate):
        stream = Late(self, sample_rate)
        stream._process = lambda block: np.zeros((12, block.shape[1] + 3), block.dtype)
        return stream


def plain(upmixer, audio):
    """The upmix without the correction."""
    return type(upmixer)(layout=upmixer.format, exact_downmix=False).upmix(audio, RATE)


@pytest.mark.parametrize("kind", [Smear, Resampled])
@pytest.mark.parametrize(
    "layout", ["stereo", "3.0", "quad", "5.1", "7.1.4", "22.2", "ambix2", "fuma1"]
)
@pytest.mark.parametrize("channels", [1, 2])
def test_the_corrected_upmix_is_match_downmix_of_the_upmix(kind, layout, channels, rng):
    audio = 0.1 * rng.standard_normal((channels, 9001))
    upmixer = kind(layout=layout)
    exact = upmixer.upmix(audio, RATE)
    upmix = plain(upmixer, audio)
    np.testing.assert_array_equal(exact, match_downmix(upmix, audio, layout))
    ambisonic = isinstance(upmixer.format, AmbisonicFormat)
    wanted = audio.mean(axis=0, keepdims=True) if ambisonic else audio
    matrix = downmix_matrix(layout, ("mono", "stereo")[len(wanted) - 1])
    # Equations of condition 1e8, where only the centre sounds at the start.
    np.testing.assert_allclose(matrix @ exact, wanted, rtol=0, atol=1e-9)
    assert np.abs(exact - upmix).max() > 1e-3
    single = upmixer.upmix(audio.astype(np.float32), RATE)
    assert single.dtype == np.float32
    assert downmix_error(single, audio.astype(np.float32), layout) > FLOAT32_EXACT


@pytest.mark.parametrize("channels", [1, 2])
def test_the_correction_of_a_memoryless_upmixer_is_least_squares(channels, rng):
    audio = rng.standard_normal((channels, 500))
    upmix, exact = (
        get_upmixer("matrix", layout="7.1.4", exact_downmix=exact).upmix(audio, RATE)
        for exact in (False, True)
    )
    matrix = downmix_matrix("7.1.4", ("mono", "stereo")[channels - 1])
    expected = upmix + np.linalg.pinv(matrix) @ (audio - matrix @ upmix)
    np.testing.assert_allclose(exact, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(sizes=st.lists(st.integers(0, 90), max_size=8), channels=st.integers(1, 2))
def test_corrected_streams_equal_the_whole_with_equal_latency(dtype, sizes, channels):
    audio = np.random.default_rng(3).standard_normal((channels, sum(sizes))).astype(dtype)
    upmixer = Smear()
    stream = upmixer.stream(RATE)
    assert stream.latency == HELD
    parts, taken = [], 0
    for block in np.split(audio, np.cumsum(sizes), axis=1):
        buffer = block.copy()
        parts.append(stream.process(buffer))
        buffer[:] = np.nan  # readers fill the same buffer again
        taken += block.shape[1]
        assert taken - sum(part.shape[1] for part in parts) <= HELD
    joined = np.concatenate([*parts, stream.flush()], axis=1)
    np.testing.assert_array_equal(joined, upmixer.upmix(audio, RATE))


def test_a_stream_at_another_rate_is_corrected_once(rng):
    audio = rng.standard_normal((2, 500))
    stream = Resampled().stream(RATE)
    assert stream.process(audio).shape == (12, 0)
    np.testing.assert_array_equal(stream.flush(), Resampled().upmix(audio, RATE))


@pytest.mark.parametrize(
    "layout", ["mono", Layout.from_directions([20.0, -70.0, 111.0, 180.0], name="attic")]
)
def test_formats_without_a_downmix_rule_are_not_corrected(layout, rng):
    audio = rng.standard_normal((2, 500))
    upmixer = Smear(layout=layout)
    np.testing.assert_array_equal(upmixer.upmix(audio, RATE), plain(upmixer, audio))
    np.testing.assert_array_equal(
        np.concatenate([(s := upmixer.stream(RATE)).process(audio), s.flush()], axis=1),
        plain(upmixer, audio),
    )
    assert DownmixCorrection.find(get_format("7.1.4"), 4) is None


def test_the_correction_does_not_modify_inputs_or_read_only_arrays(rng):
    stereo = rng.standard_normal((2, 9))
    correction = DownmixCorrection.find(get_format("stereo"), 2)
    halved = 0.5 * stereo
    halved.flags.writeable = False
    np.testing.assert_allclose(correction.apply(halved, stereo), stereo, rtol=1e-15)
    shared = correction.apply(stereo, stereo)
    assert not np.may_share_memory(shared, stereo)


def test_a_stream_that_returns_too_many_samples_is_named():
    with pytest.raises(UpmixerError, match="'smear' returned 3 samples more than it received"):
        Hasty().stream(RATE).process(np.zeros((2, 10)))
