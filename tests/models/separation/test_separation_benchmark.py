"""The benchmark of separators: SDR by stem, masks against true ratios, its command."""

from __future__ import annotations

import itertools
import json
import math
import sys
from configparser import ConfigParser
from pathlib import Path

import numpy as np
import pytest

from spatialkit.__main__ import main
from spatialkit.errors import AudioFileError, ShapeError
from spatialkit.metrics import snr
from spatialkit_models.evaluation import POOL, SongExcerpts, System
from spatialkit_models.modules import MaskConfig
from spatialkit_models.separation import benchmark, command_separator
from spatialkit_models.separation.benchmark import (
    MaskBands,
    SeparatorSystem,
    benchmark_separators,
    mask_scores,
    oracle_systems,
    separator_system,
)
from spatialkit_models.stem_names import STEMS

RATE = 44100


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """A song of 1.5 s: noise in three bands, one of them in mono, and a silent stem."""
    import soundfile

    folder = tmp_path_factory.mktemp("songs") / "song"
    folder.mkdir()
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal((4, 66150, 2))
    noise[1] = np.diff(noise[1], axis=0, prepend=0.0)
    noise[2] = np.cumsum(noise[2, :, :1], axis=0) / 30.0
    noise[3] = 0.0
    for name, stem in zip(STEMS, noise, strict=True):
        soundfile.write(folder / f"{name}.wav", stem, RATE, subtype="FLOAT")
    return folder.parent


@pytest.fixture
def excerpts(songs):
    return SongExcerpts([(songs, 1.0)], "all", 0.5, starts="all")


def test_scores_are_those_of_the_definition(excerpts):
    """True stems have no error; of two exchanged stems each one is error."""

    def separate(audio, stems):
        return stems[[1, 0, 2, 3]]

    truth = System("truth", lambda audio, stems: stems, uses_style=True)
    results = benchmark_separators(
        excerpts, (truth, System("exchanged", separate, uses_style=True)), protocols=["mixed"]
    )
    perfect, exchanged = (row.values for row in results.rows)
    assert [example["start"] for example in results.examples] == [0.0, 0.5, 1.0]
    assert perfect["sdr"] == (math.inf,) * 3
    assert all(map(math.isnan, perfect["sdr_other"])), "silent"
    assert perfect["residual"] == (benchmark.MIN_RESIDUAL,) * 3
    vocals, drums = excerpts.open(stereo=True).excerpt(0)[:2]
    assert exchanged["sdr_vocals"][0] == pytest.approx(snr(vocals, drums))
    assert exchanged["sdr_bass"][0] == math.inf


def test_panned_scenes_are_mono_stems_in_the_shipped_directions(excerpts):
    from spatialkit_models.data.scenes import load_configurations

    received = []
    system = System("input", lambda audio, stems: received.append(audio) or stems, uses_style=True)
    benchmark_separators(excerpts, (system,), protocols=["panned"])
    stems = excerpts.open().excerpt(12)
    gains = load_configurations()[1].seed_gains("independent")
    np.testing.assert_allclose(received[1], gains.T @ stems, atol=1e-6)


def test_ideal_ratio_masks_are_best_and_calibrated(excerpts):
    (ideal,) = oracle_systems()
    stems = excerpts.open(stereo=True).excerpt(0)
    bands = MaskBands(ideal.config)
    ratios = bands.ratios(stems)
    assert ratios.shape == (1 + stems.shape[2] // 1024, 4, 576)
    found = ideal.upmix(stems.sum(0), stems)
    # Masks with a sum of 1 divide the song without residual.
    np.testing.assert_allclose(found.sum(0), stems.sum(0), atol=1e-5)
    best, _ = mask_scores(stems, ratios, bands)
    assert best["calibration_error"] < 1e-6
    worse, _ = mask_scores(stems, 0.8 * ratios + 0.05, bands)
    assert worse["cross_entropy"] > best["cross_entropy"] + 0.02
    # Differences are 0.05 - 0.2 r: large ratios are too small, small ones too large.
    assert 0.02 < worse["calibration_error"] < 0.1
    uniform, _ = mask_scores(stems, np.full(ratios.shape, 0.25), bands)
    assert uniform["cross_entropy"] == pytest.approx(math.log(4.0), rel=1e-3)


def test_calibration_errors_of_opposite_sign_cancel_over_excerpts(excerpts):
    """Masks that are too even in two excerpts and too certain in the last."""
    bands, shapes = MaskBands(MaskConfig()), itertools.cycle((0.7, 0.7, 1.4))

    def masks(audio, stems):
        powered = bands.ratios(stems) ** next(shapes) + 1e-9
        return powered / powered.sum(1, keepdims=True)

    system = SeparatorSystem("masks", lambda audio, stems: stems, True, masks=masks)
    results = benchmark_separators(excerpts, (system,), protocols=["mixed"])
    (row,) = results.rows
    single = [
        mask_scores(stems, masks(None, stems), bands)[1]
        for stems in map(excerpts.open(stereo=True).excerpt, (0, POOL, 2 * POOL))
    ]
    np.testing.assert_allclose(
        row.values["calibration_error"], np.abs(single).sum(1) / 4, rtol=1e-6
    )
    found = results.findings["calibration_error"][row.title]
    assert found == pytest.approx(np.abs(np.mean(single, 0)).sum() / 4)
    assert found < 0.7 * np.mean(row.values["calibration_error"])
    assert f"{row.title} {found:.3f}" in " ".join(results.notes)


def test_cross_entropy_is_the_loss_of_training(excerpts):
    torch = pytest.importorskip("torch")
    from spatialkit_models.modules import mask_loss

    stems, bands = excerpts.open(stereo=True).excerpt(0), MaskBands(MaskConfig())
    scale = 0.1 / np.sqrt(np.mean(np.square(stems.sum(0))))
    powers = torch.from_numpy(bands.stem_powers(scale * stems)).float()[None]
    logits = torch.randn(powers.shape, generator=torch.Generator().manual_seed(0))
    found, _ = mask_scores(stems, logits.softmax(2)[0].numpy(), bands)
    assert found["cross_entropy"] == pytest.approx(float(mask_loss(logits, powers)), rel=1e-4)


def test_bands_are_those_of_the_network(excerpts):
    torch = pytest.importorskip("torch")
    from spatialkit_models.modules import STFT, Covariance, Resolution

    config = MaskConfig()
    audio = excerpts.open(stereo=True).excerpt(0)[0]
    spectrum = STFT(config.n_fft, config.hop_length)(torch.from_numpy(audio)[None])
    expected = Covariance.of(spectrum, Resolution(config.regions)).powers.sum(2)[0].numpy()
    np.testing.assert_allclose(MaskBands(config).powers(audio), expected, rtol=1e-3, atol=1e-4)


def test_separators_are_evaluated_by_name(songs):
    system = separator_system("folder", {"path": str(songs / "song")}, RATE)
    stems = SongExcerpts([(songs, 1.0)], "all", 1.5, starts="all").open(stereo=True).excerpt(0)
    np.testing.assert_allclose(system.upmix(stems.sum(0), None), stems, atol=1e-5)


def test_the_command_writes_tables(songs, tmp_path, capsys):
    pytest.importorskip("torch")
    line = ["benchmark", "stems", "--stems", str(songs), "--split", "all", "--seconds", "0.5"]
    line += ["--starts", "0.5", "--json", str(tmp_path / "all.json")]
    assert main(line) == 0
    text = capsys.readouterr().out
    assert "**Masks**" in text
    assert "Mean of the four stems' SDR: mixed, ideal ratio masks " in text
    facts = json.loads((tmp_path / "all.json").read_text())
    systems = [row["system"] for row in facts["rows"] if row["setting"]["protocol"] == "mixed"]
    assert systems == ["ideal ratio masks", "masks", "mean masks of masks"]
    assert not any(row["error"] for row in facts["rows"])


WRITES_HALVES = """
import sys, pathlib, spatialkit
song = spatialkit.read(sys.argv[1])
folder = pathlib.Path(sys.argv[2], "model", "input")
folder.mkdir(parents=True)
for stem in ("vocals", "other"):
    path = folder / f"{stem}.wav"
    spatialkit.write(path, song.samples / 2, song.sample_rate, subtype="FLOAT")
"""


def test_programs_write_folders_of_stems(songs, tmp_path, capsys):
    path = tmp_path / "halves.py"
    path.write_text(WRITES_HALVES)
    line = ["benchmark", "stems", "--stems", str(songs), "--split", "all", "--seconds", "0.5"]
    line += ["--starts", "0.5", "--protocol", "mixed"]
    called = [f"{sys.executable} {path} {{input}} {{output}}", "cp {input} {output}/song.wav"]
    facts = tmp_path / "all.json"
    commands = ["--command", f"halves={called[0]}", "--command", called[1]]
    assert main([*line, *commands, "--json", str(facts)]) == 1  # cp writes no stems
    rows = {row["system"]: row for row in json.loads(facts.read_text())["rows"]}
    assert list(rows) == ["ideal ratio masks", "halves", "cp"]
    assert "cp ended without an error but wrote no files of stems" in rows["cp"]["error"]
    excerpts = SongExcerpts([(songs, 1.0)], "all", 0.5, starts=(0.5,))
    stems = excerpts.open(stereo=True).excerpt(0)
    mixture = stems.sum(0)
    assert rows["halves"]["values"]["sdr_vocals"][0] == pytest.approx(
        float(snr(stems[0], mixture / 2)), abs=1e-3
    )
    assert rows["halves"]["values"]["residual"][0] < -120.0
    capsys.readouterr()
    assert main([*line, "--command", f"halves@5.0={called[0]}"]) == 2
    assert "stems are stereo: omit @5.0" in capsys.readouterr().err
    assert main([*line, *(2 * ["--command", called[1]])]) == 2  # both have the name cp
    assert "system 'cp' is there twice in mixed" in capsys.readouterr().err


WRITES_SILENCE = """
import pathlib, sys, wave
for stem, rate, samples in zip(("vocals", "bass"), {rates}, {samples}):
    with wave.open(str(pathlib.Path(sys.argv[2], stem + ".wav")), "wb") as file:
        file.setparams((2, 2, rate, 0, "NONE", ""))
        file.writeframes(bytes(4 * samples))
"""


@pytest.mark.parametrize(
    ("rates", "samples", "error", "words"),
    [
        ((8000, 4000), (800, 800), AudioFileError, "one sample rate, got bass.wav 4000 Hz, vocals"),
        ((8000, 8000), (800, 700), ShapeError, "one length, got samples bass.wav 700, vocals"),
        ((8000, 8000), (700, 700), ShapeError, "700 samples .* the song has 800 samples"),
    ],
)
def test_invalid_output_of_programs_is_described(tmp_path, rates, samples, error, words):
    path = tmp_path / "silence.py"
    path.write_text(WRITES_SILENCE.format(rates=rates, samples=samples))
    system = command_separator([sys.executable, str(path), "{input}", "{output}"], 8000)
    name = Path(sys.executable).name
    with pytest.raises(error, match=rf"^output of {name}: the stems in {{output}} .*{words}"):
        system.upmix(np.zeros((2, 800)), None)


def test_it_is_named_in_the_entry_points():
    setup = Path(__file__).parents[3] / "setup.cfg"
    if not setup.exists():
        pytest.skip("runs in the source tree")
    metadata = ConfigParser()  # a source distribution has other white space
    metadata.read(setup, encoding="utf-8")
    named = metadata["options.entry_points"]["spatialkit.benchmarks"]
    assert "stems = spatialkit_models.commands.benchmark_stems:stems" in named.splitlines()
