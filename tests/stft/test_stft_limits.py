"""Streams of the STFT over many blocks: memory that does not grow, batch axes."""

import pickle

import numpy as np
import pytest

from spatialkit.errors import ShapeError
from spatialkit.stft import StreamingISTFT, StreamingSTFT, istft, stft

SIZES = {"n_fft": 64, "hop": 16}


@pytest.mark.parametrize("frames", [1, 3, 20])
def test_the_state_of_a_stream_does_not_grow(frames, rng):
    """At most one frame, and the samples of a block, are kept in the state that is pickled."""
    forwards, backwards = StreamingSTFT(**SIZES), StreamingISTFT(**SIZES)
    sizes = []
    for _ in range(30):
        spectrum = forwards.process(rng.normal(size=(2, 16 * frames)))
        backwards.process(spectrum)
        sizes.append((len(pickle.dumps(forwards)), len(pickle.dumps(backwards))))
    early, late = np.array(sizes[10:15]).max(axis=0), np.array(sizes[-5:]).max(axis=0)
    assert (late <= early + 16).all()  # counters may take some more bytes
    smallest = 2 * 8 * SIZES["n_fft"]
    fresh = len(pickle.dumps(StreamingISTFT(**SIZES)))
    assert late[1] - fresh < smallest + 500


@pytest.mark.parametrize("shape", [(), (1,), (2,), (3, 2), (2, 1, 3)])
def test_streams_accept_any_batch_axes(shape, rng):
    audio = rng.normal(size=(*shape, 300))
    forwards, backwards = StreamingSTFT(**SIZES), StreamingISTFT(**SIZES)
    blocks = [forwards.process(audio[..., start : start + 77]) for start in range(0, 300, 77)]
    spectrum = np.concatenate([*blocks, forwards.flush()], axis=-1)
    np.testing.assert_array_equal(spectrum, stft(audio, **SIZES))
    blocks = [backwards.process(spectrum[..., k : k + 5]) for k in range(0, spectrum.shape[-1], 5)]
    samples = np.concatenate([*blocks, backwards.flush(length=300)], axis=-1)
    np.testing.assert_array_equal(samples, istft(spectrum, **SIZES, length=300))


@pytest.mark.parametrize("second", [np.zeros((3, 8)), np.zeros((2, 8), np.float32), np.zeros(8)])
def test_blocks_of_another_kind_are_refused(second):
    forwards = StreamingSTFT(**SIZES)
    forwards.process(np.zeros((2, 8)))
    with pytest.raises(ShapeError, match="block must"):
        forwards.process(second)
