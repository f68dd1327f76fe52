"""STFT compared with a direct implementation, its inverse, and both block by block."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialkit.errors import OptionError, ShapeError, SignalError
from spatialkit.stft import StreamingISTFT, StreamingSTFT, istft, stft


def slow_stft(audio: np.ndarray, n_fft: int, hop: int, window: np.ndarray) -> np.ndarray:
    """Oracle: the definition, sample by sample, for (samples,)."""
    frames = []
    for k in range(1 + audio.size // hop):
        frame = np.zeros(n_fft)
        for n in range(n_fft):
            place = k * hop - n_fft // 2 + n
            if 0 <= place < audio.size:
                frame[n] = window[n] * audio[place]
        turns = np.outer(np.arange(n_fft // 2 + 1), np.arange(n_fft)) / n_fft
        frames.append(np.exp(-2j * np.pi * turns) @ frame)
    return np.stack(frames, axis=-1)


def periodic_hann(n_fft: int) -> np.ndarray:
    return np.array([np.sin(np.pi * n / n_fft) ** 2 for n in range(n_fft)])


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, shape)


@st.composite
def settings_and_length(draw):
    """Sizes with an inverse for every length: hops of at most a quarter of the Hann window."""
    n_fft = draw(st.integers(4, 40))
    return n_fft, draw(st.integers(1, n_fft // 4)), draw(st.integers(0, 150))


@pytest.mark.parametrize(
    ("n_fft", "hop", "samples"),
    [(16, 4, 50), (16, 4, 0), (16, 4, 1), (16, 8, 15), (15, 4, 40), (2, 1, 5), (16, 5, 37)],
)
def test_the_transform_equals_its_definition(n_fft, hop, samples):
    audio = noise(samples)
    expected = slow_stft(audio, n_fft, hop, periodic_hann(n_fft))
    # float64: a sum of 16 products
    np.testing.assert_allclose(stft(audio, n_fft=n_fft, hop=hop), expected, atol=1e-14)


def test_the_transform_equals_librosa():
    librosa = pytest.importorskip("librosa")
    audio = noise(2, 3, 5000)
    expected = librosa.stft(audio, n_fft=512, hop_length=128, pad_mode="constant")
    ours = stft(audio, n_fft=512, hop=128)
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours, expected, atol=1e-12)  # float64, values up to 50


def test_inner_frames_equal_torch():
    torch = pytest.importorskip("torch")
    audio = noise(2, 5000)
    expected = torch.stft(
        torch.from_numpy(audio),
        512,
        128,
        window=torch.hann_window(512, dtype=torch.float64),
        pad_mode="constant",
        return_complex=True,
    ).numpy()
    np.testing.assert_allclose(stft(audio, n_fft=512, hop=128), expected, atol=1e-12)


@pytest.mark.parametrize("name", ["hamming", "blackman", "boxcar"])
def test_named_windows_are_the_periodic_ones_of_scipy(name):
    from scipy.signal import get_window

    audio = noise(100)
    expected = slow_stft(audio, 16, 4, get_window(name, 16, fftbins=True))
    np.testing.assert_allclose(stft(audio, n_fft=16, hop=4, window=name), expected, atol=1e-13)
    array = stft(audio, n_fft=16, hop=4, window=get_window(name, 16))
    np.testing.assert_array_equal(array, stft(audio, n_fft=16, hop=4, window=name))


def test_hann_needs_no_scipy_signal():
    import subprocess
    import sys

    code = (
        "import sys, numpy; from spatialkit.stft import stft, istft; "
        "istft(stft(numpy.zeros((1, 9)))); print('scipy.signal' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@given(settings_and_length())
def test_the_inverse_restores_every_signal(sizes):
    n_fft, hop, samples = sizes
    audio = noise(2, samples)
    back = istft(stft(audio, n_fft=n_fft, hop=hop), n_fft=n_fft, hop=hop, length=samples)
    # float64, divided by an overlap sum of at least 0.1
    np.testing.assert_allclose(back, audio, atol=1e-14)


@pytest.mark.parametrize("samples", [0, 1, 1023, 1024, 2047, 2048, 2049, 48611])
@pytest.mark.parametrize(("n_fft", "hop"), [(1024, 256), (2048, 512), (1024, 100)])
def test_the_inverse_restores_float32_within_1e_6(samples, n_fft, hop):
    audio = noise(2, samples).astype(np.float32)
    spectrum = stft(audio, n_fft=n_fft, hop=hop)
    back = istft(spectrum, n_fft=n_fft, hop=hop, length=samples)
    assert (spectrum.dtype, back.dtype) == (np.complex64, np.float32)
    assert back.shape == audio.shape
    assert np.abs(back - audio).max(initial=0.0) <= 1e-6  # the bound of the requirements


@pytest.mark.parametrize("samples", [0, 512, 5120])
def test_half_overlap_is_inverted_for_multiples_of_the_hop(samples):
    audio = noise(2, samples)
    back = istft(stft(audio, hop=512), hop=512, length=samples)
    np.testing.assert_allclose(back, audio, atol=1e-14)
    np.testing.assert_array_equal(istft(stft(audio, hop=512), hop=512), back)


def test_the_inverse_is_the_least_squares_one():
    """Oracle: dense solution of the normal equations for the signal of a spectrum."""
    n_fft, hop, samples = 12, 3, 30
    spectrum = noise(7, 11, seed=1) + 1j * noise(7, 11, seed=2)
    spectrum[[0, -1]] = spectrum[[0, -1]].real
    columns = [stft(unit, n_fft=n_fft, hop=hop).T for unit in np.eye(samples)]
    # One-sided bins stand for two, but the first and the last.
    weights = np.sqrt(np.array([1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0]))
    system = np.array([(weights * column).ravel() for column in columns]).T
    wanted = (weights * spectrum.T).ravel()
    expected = np.linalg.lstsq(
        np.concatenate([system.real, system.imag]),
        np.concatenate([wanted.real, wanted.imag]),
        rcond=None,
    )[0]
    ours = istft(spectrum, n_fft=n_fft, hop=hop, length=samples)
    np.testing.assert_allclose(ours, expected, atol=1e-12)  # condition number below 10


def test_batches_equal_their_items():
    audio = noise(2, 3, 700)
    spectrum = stft(audio, n_fft=64, hop=16)
    assert spectrum.shape == (2, 3, 33, 44)
    assert not np.array_equal(spectrum[0, 0], spectrum[1, 2])
    np.testing.assert_array_equal(spectrum[1, 2], stft(audio[1, 2], n_fft=64, hop=16))
    back = istft(spectrum, n_fft=64, hop=16, length=700)
    np.testing.assert_array_equal(back[1, 2], istft(spectrum[1, 2], n_fft=64, hop=16, length=700))
    assert stft(np.zeros((0, 2, 700)), n_fft=64, hop=16).shape == (0, 2, 33, 44)


def test_nothing_is_changed_in_place():
    audio = noise(2, 700)
    spectrum = stft(audio)
    kept = audio.copy(), spectrum.copy()
    istft(spectrum)
    np.testing.assert_array_equal(audio, kept[0])
    np.testing.assert_array_equal(spectrum, kept[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(
    sizes=st.sampled_from([(16, 4), (16, 16), (15, 7), (32, 5), (2, 1), (200, 1)]),
    cuts=st.lists(st.integers(0, 400), max_size=6),
    samples=st.integers(0, 400),
)
def test_frames_of_blocks_are_those_of_the_whole(dtype, sizes, cuts, samples):
    n_fft, hop = sizes
    window = "hamming"
    audio = noise(2, samples).astype(dtype)
    transform = StreamingSTFT(n_fft=n_fft, hop=hop, window=window)
    blocks = np.split(audio, sorted(min(cut, samples) for cut in cuts), axis=-1)
    parts = [*map(transform.process, blocks), transform.flush()]
    whole = stft(audio, n_fft=n_fft, hop=hop, window=window)
    np.testing.assert_array_equal(np.concatenate(parts, axis=-1), whole)
    # Again, the other way: flush has left nothing behind.
    parts = [*map(transform.process, (audio[..., :3], audio[..., 3:])), transform.flush()]
    np.testing.assert_array_equal(np.concatenate(parts, axis=-1), whole)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(
    sizes=st.sampled_from([(16, 4), (16, 12), (16, 16), (15, 7), (32, 5), (2, 1), (200, 1)]),
    cuts=st.lists(st.integers(0, 100), max_size=6),
    samples=st.integers(0, 300),
    exact=st.booleans(),
)
def test_samples_of_blocks_are_those_of_the_whole(dtype, sizes, cuts, samples, exact):
    n_fft, hop = sizes
    options = {"n_fft": n_fft, "hop": hop, "window": "hamming"}
    spectrum = stft(noise(2, samples).astype(dtype), **options)
    frames = spectrum.shape[-1]
    # Up to n_fft / 2 samples behind the last centre are in its frame.
    length = min(samples, (frames - 1) * hop + n_fft - n_fft // 2) if exact else None
    inverse = StreamingISTFT(**options)
    blocks = np.split(spectrum, sorted(min(cut, frames) for cut in cuts), axis=-1)
    parts = [*map(inverse.process, blocks), inverse.flush(length)]
    whole = istft(spectrum, **options, length=length)
    np.testing.assert_array_equal(np.concatenate(parts, axis=-1), whole)
    parts = [inverse.process(spectrum), inverse.flush(length)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=-1), whole)


def test_frames_are_returned_as_soon_as_they_are_complete():
    transform, inverse = StreamingSTFT(n_fft=64, hop=16), StreamingISTFT(n_fft=64, hop=16)
    spectrum = transform.process(noise(1, 160))
    assert spectrum.shape[-1] == 9  # frame 8 ends at 8 * 16 + 32 = 160
    assert inverse.process(spectrum).shape[-1] == 9 * 16 - 32
    assert transform.process(noise(1, 15)).shape[-1] == 0


def test_short_blocks_of_many_channels_are_accepted():
    audio = noise(100, 300)
    transform = StreamingSTFT(n_fft=64, hop=16)
    parts = [transform.process(audio[:, k : k + 10]) for k in range(0, 300, 10)]
    joined = np.concatenate([*parts, transform.flush()], axis=-1)
    np.testing.assert_array_equal(joined, stft(audio, n_fft=64, hop=16))


@pytest.mark.parametrize(
    ("n_fft", "hop", "window"),
    [
        (64, 64, "hann"),
        (64, 63, "hann"),
        (64, 16, np.zeros(64)),
        (64, 33, np.eye(64)[0]),
        (64, 16, np.repeat([0.0, 1.0], [48, 16])),  # no frame sees the first sample
    ],
)
def test_options_without_an_inverse_are_rejected(n_fft, hop, window):
    for call in (
        lambda: stft(np.zeros((2, 100)), n_fft=n_fft, hop=hop, window=window),
        lambda: istft(np.zeros((33, 3), complex), n_fft=n_fft, hop=hop, window=window),
        lambda: StreamingSTFT(n_fft=n_fft, hop=hop, window=window),
        lambda: StreamingISTFT(n_fft=n_fft, hop=hop, window=window),
    ):
        with pytest.raises(OptionError, match="have no stable inverse"):
            call()


@pytest.mark.parametrize(("n_fft", "window"), [(64, "hann"), (60, "hamming"), (63, "blackman")])
def test_the_minimum_overlap_is_the_limit(n_fft, window):
    """Oracle: the sums of the squared window, by brute force."""
    from scipy.signal import get_window

    for hop in range(1, n_fft + 1):
        sums = [np.sum(get_window(window, n_fft)[n::hop] ** 2) for n in range(hop)]
        accepted = min(sums) >= 1e-3 * max(sums)
        if accepted:
            stft(np.zeros(10), n_fft=n_fft, hop=hop, window=window)
        else:
            with pytest.raises(OptionError, match=r"overlap sum .* falls to"):
                stft(np.zeros(10), n_fft=n_fft, hop=hop, window=window)


def test_undetermined_lengths_are_rejected():
    spectrum = stft(noise(2, 1000), n_fft=64, hop=32)  # the last of 32 frames is centred on 992
    assert istft(spectrum, n_fft=64, hop=32, length=1000).shape == (2, 1000)
    # sin(pi 4 / 64) ** 4 is 0.0014, sin(pi 3 / 64) ** 4 is 0.0005: three samples are too dim
    with pytest.raises(OptionError, match="from sample 1021 "):
        istft(spectrum, n_fft=64, hop=32, length=1023)
    with pytest.raises(OptionError, match="length=5000 exceeds what 32 frames"):
        istft(spectrum, n_fft=64, hop=32, length=5000)
    with pytest.raises(OptionError, match="length=1 exceeds what 0 frames"):
        istft(spectrum[..., :0], n_fft=64, hop=32, length=1)
    assert istft(spectrum[..., :0], n_fft=64, hop=32).shape == (2, 0)
    early = np.repeat([1.0, 0.0], [16, 48])  # no frame sees the last samples, the centres even
    spectrum = stft(noise(100), n_fft=64, hop=16, window=early)
    with pytest.raises(OptionError, match="length=96 exceeds what 7 frames"):
        istft(spectrum, n_fft=64, hop=16, window=early)


def test_invalid_arguments_are_rejected():
    audio = np.zeros((2, 100))
    with pytest.raises(OptionError, match="n_fft must be from 2 to 4194304, got 1"):
        stft(audio, n_fft=1)
    with pytest.raises(OptionError, match="hop must be from 1 to 64, got 65"):
        stft(audio, n_fft=64, hop=65)
    with pytest.raises(OptionError, match="hop must be from 1 to 64, got 0"):
        stft(audio, n_fft=64, hop=0)
    with pytest.raises(OptionError, match="get_window or an array, got 'hanning-ish'"):
        stft(audio, window="hanning-ish")
    with pytest.raises(ShapeError, match=r"window must have shape .*\(1024,\), got \(512,\)"):
        stft(audio, window=np.ones(512))
    with pytest.raises(OptionError, match="finite real numbers"):
        stft(audio, n_fft=4, hop=1, window=[1.0, np.nan, 1.0, 1.0])
    with pytest.raises(SignalError, match="got int64"):
        stft(audio.astype(np.int64))
    with pytest.raises(SignalError, match="complex64 or complex128, got float64"):
        istft(np.zeros((513, 4)))
    with pytest.raises(ShapeError, match=r"\(\.\.\., 513, frames\) for n_fft=1024, got \(2, 257"):
        istft(np.zeros((2, 257, 4), complex))
    with pytest.raises(OptionError, match="length must be at least 0"):
        istft(np.zeros((2, 513, 4), complex), length=-1)


def test_blocks_of_different_shape_or_type_are_rejected():
    transform, inverse = StreamingSTFT(), StreamingISTFT()
    for stream in (transform, inverse):
        with pytest.raises(ShapeError, match="flush must be preceded by a block"):
            stream.flush()
    transform.process(np.zeros((2, 100)))
    with pytest.raises(ShapeError, match=r"block must be like the first one"):
        transform.process(np.zeros((3, 100)))
    with pytest.raises(ShapeError, match=r"expected float64 \(2,\), got float32 \(2,\)"):
        transform.process(np.zeros((2, 100), np.float32))
    inverse.process(np.zeros((2, 513, 20), complex))
    with pytest.raises(OptionError, match="length must be at least 4608"):
        inverse.flush(length=100)
