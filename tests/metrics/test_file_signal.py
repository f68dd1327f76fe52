"""Long files are evaluated block by block: equal values, and no array of the whole file."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from spatialkit.commands import main
from spatialkit.errors import ShapeError, SignalError
from spatialkit.files import read, write
from spatialkit.metrics import GROUPS, evaluate, evaluate_batch, file_signal
from spatialkit.metrics.file_signal import FileSignal, read_signal

EVERY = [name for name in GROUPS if name != "binaural"]


@pytest.fixture
def long_files(monkeypatch):
    """Treat every file as a long one, and fail where one is read as a whole."""

    def fail(*arguments, **options):
        raise AssertionError("the whole file is read")

    monkeypatch.setattr(file_signal, "MIN_VALUES", 1)
    monkeypatch.setattr(file_signal, "BLOCK_SIZE", 5000)
    monkeypatch.setattr(FileSignal, "__array__", fail)


def pair(rng, tmp_path, form, channels, suffix=".wav", seconds=4.3):
    paths = []
    reference = 0.1 * rng.standard_normal((channels, round(seconds * 48000)))
    noisy = 0.9 * reference + 0.01 * rng.standard_normal(reference.shape)
    for name, samples in (("reference", reference), ("estimate", noisy)):
        paths.append(tmp_path / f"{name}{suffix}")
        write(paths[-1], samples.astype(np.float32), 48000, format=form)
    return paths


@pytest.mark.parametrize(
    ("form", "channels", "suffix"), [("5.1", 6, ".wav"), ("stereo", 2, ".flac"), ("foa", 4, ".wav")]
)
def test_values_are_those_of_arrays(rng, tmp_path, long_files, form, channels, suffix):
    paths = pair(rng, tmp_path, form, channels, suffix)
    first, second = (read(path) for path in paths)
    expected = evaluate(first, second, metrics=EVERY)
    found = evaluate(*paths, metrics=EVERY)
    assert set(found) == set(expected)
    for name, value in expected.items():
        # Sums of the energies of other blocks, and their logarithms.
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


def test_batches_and_the_command_read_block_by_block(rng, tmp_path, long_files, capsys):
    paths = pair(rng, tmp_path, "stereo", 2, seconds=0.5)
    expected = evaluate(*(read(path) for path in paths), metrics="snr")["snr"]
    results = evaluate_batch([paths], metrics="snr")
    assert results["snr"] == pytest.approx([expected])
    assert main(["evaluate", *map(str, paths), "--metric", "snr"]) == 0
    assert f"{expected:.3f}" in capsys.readouterr().out


def test_slices_are_those_of_the_array_and_few_samples_are_kept(rng, tmp_path, monkeypatch):
    monkeypatch.setattr(file_signal, "BLOCK_SIZE", 1000)
    monkeypatch.setattr(file_signal, "KEPT_SAMPLES", 3000)
    path = tmp_path / "noise.wav"
    samples = rng.uniform(-1.0, 1.0, (2, 20_000)).astype(np.float32)
    write(path, samples, 48000)
    signal = FileSignal(path)
    assert signal.shape == (2, 20_000)
    assert signal.peak == np.abs(samples).max()
    for start, stop in ((0, 10), (990, 1010), (500, 4000), (19_000, 20_000), (3, 4), (7, 7)):
        np.testing.assert_array_equal(signal[:, start:stop], samples[:, start:stop])
        np.testing.assert_array_equal(signal[..., start:stop], samples[:, start:stop])
    for start in range(0, 20_000, 100):
        signal[:, start : start + 200]
        assert sum(block.shape[1] for block in signal._blocks) <= 3000 + 2 * 1000
    np.testing.assert_array_equal(np.asarray(signal), samples)


def test_short_files_are_arrays_and_invalid_ones_are_rejected(rng, tmp_path, long_files):
    paths = pair(rng, tmp_path, "stereo", 2, seconds=0.3)
    longer = tmp_path / "longer.wav"
    write(longer, np.zeros((2, 20_000), np.float32), 48000)
    with pytest.raises(ShapeError, match=r"same shape, got \(2, 14400\) and \(2, 20000\)"):
        evaluate(paths[0], longer)
    samples = rng.standard_normal((2, 9000)).astype(np.float32)
    samples[1, 7000] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples.T, 48000, subtype="FLOAT")
    with pytest.raises(SignalError, match=r"nan\.wav holds nan at index \(1, 7000\)"):
        evaluate(tmp_path / "nan.wav", tmp_path / "nan.wav")
    file_signal.MIN_VALUES = 1 << 24
    assert isinstance(read_signal(paths[0]).samples, np.ndarray)
