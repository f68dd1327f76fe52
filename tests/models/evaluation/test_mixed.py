"""Songs as mixed: images of stems from outside, targets of stereo stems, listed excerpts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from spatialkit.__main__ import main
from spatialkit.benchmarks import command_system
from spatialkit.errors import OptionError
from spatialkit.files import read, write
from spatialkit.metrics import Results
from spatialkit.rendering import render
from spatialkit.upmixing import get_upmixer
from spatialkit_models.evaluation import (
    SongExcerpts,
    System,
    add_leakage,
    as_evaluated,
    estimate_images,
    largest_level_difference,
    read_list,
)
from spatialkit_models.style_vae import mixed_benchmark
from spatialkit_models.style_vae.gains import BAND, direction_gains
from spatialkit_models.style_vae.mixed_benchmark import benchmark_mixed, score_mixed
from spatialkit_models.style_vae.stem_panning import stereo_gains

RATE = 8000
STEMS = ("vocals", "drums", "bass", "other")
MATRICES = stereo_gains(direction_gains(BAND))


def mixed(stems, matrices):
    return np.einsum("scj,sjn->cn", matrices, stems)


def colored(rng, seconds=4.0):
    """Four wide stems with different spectra, the third one in mono and 20 dB softer."""
    samples = round(seconds * RATE)
    stems = rng.standard_normal((4, 2, samples))
    stems[1] = np.diff(stems[1], prepend=0.0)
    stems[2] = 0.1 * np.cumsum(stems[2, :1], axis=1) / 20.0
    stems[3] += 0.7 * stems[3, ::-1]
    return 0.1 * stems


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Two songs of 3 s of noise in stereo."""
    import soundfile

    root = tmp_path_factory.mktemp("songs")
    for number in range(2):
        (root / f"song{number}").mkdir()
        noise = 0.1 * np.random.default_rng(number).standard_normal((4, 3 * RATE, 2))
        for name, stem in zip(STEMS, noise, strict=True):
            soundfile.write(root / f"song{number}" / f"{name}.wav", stem, RATE, subtype="FLOAT")
    return root


def in_place(images):
    energy = images.energy().sum(0)
    return 100.0 * (energy * np.any(MATRICES, axis=2)).sum(1) / energy.sum(1)


def test_panned_true_stems_are_in_place(rng):
    stems = colored(rng)
    images = estimate_images(stems, mixed(stems, MATRICES), RATE)
    assert in_place(images).min() > 99.9
    assert images.explained() > 0.9999
    # The ridge of -40 dB limits the SDR where a stem is soft.
    error = images.target_energy(MATRICES).sum((0, 2)) / images.error(MATRICES).sum(0)
    assert 10.0 * np.log10(error.min()) > 25.0


@pytest.mark.parametrize("leak", [0.01, 0.2, 0.6])
def test_a_leak_has_its_known_share(rng, leak):
    stems = colored(rng)
    elsewhere = stereo_gains(
        direction_gains({"vocals": [110, -110], "drums": 0, "bass": 110, "other": [30, -30]})
    )
    # Energies of both images are equal in each stem if they are scaled so.
    energies = [np.square(np.einsum("scj,sjn->scn", m, stems)).sum((1, 2)) for m in
                (MATRICES, elsewhere)]  # fmt: skip
    scale = np.sqrt(leak / (1.0 - leak) * energies[0] / energies[1])[:, None, None]
    images = estimate_images(stems, mixed(stems, MATRICES + scale * elsewhere), RATE)
    # Regression noise of 4 s is far below 0.3 points.
    np.testing.assert_allclose(in_place(images), 100.0 * (1.0 - leak), atol=0.3)


def test_noise_is_a_residual_and_hardly_moves_the_stems(rng):
    stems = colored(rng)
    output = mixed(stems, MATRICES)
    noise = rng.standard_normal(output.shape[1]) * np.sqrt(np.mean(np.square(output).sum(0)))
    output[3] += noise
    images = estimate_images(stems, output, RATE)
    assert images.explained() == pytest.approx(0.5, abs=0.05)
    # Eight coefficients fit a few percent of noise as loud as all stems; in SL it hits the vocals.
    assert in_place(images)[[0, 1, 3]].min() > 95.0


def test_silent_and_equal_stems_have_finite_images(rng):
    stems = colored(rng)
    stems[0], stems[2] = 0.0, stems[3]
    output = mixed(stems, MATRICES)
    images = estimate_images(stems, output, RATE)
    assert np.isfinite(images.coefficients).all()
    assert images.energy()[:, 0].max() < 1e-9 * images.energy().sum()
    silence = score_mixed(0.0 * stems, MATRICES, output, RATE)
    assert np.isnan(silence["placement"])
    silence = score_mixed(stems, MATRICES, 0.0 * output, RATE)
    assert silence["level"] == -np.inf


def test_the_target_of_stereo_stems_follows_its_rule():
    gains = direction_gains({"vocals": 0, "drums": [30, -30], "bass": 70, "other": [110, 0]})
    sine = np.sin(np.radians([30.0, -30.0, 0.0, 110.0, -110.0]))
    found = stereo_gains(gains)
    for g, matrix in zip(gains, found, strict=True):
        used = g > 0
        mean = np.sum(g**2 * sine)
        u = np.clip((sine - mean) / 0.5, -1.0, 1.0) * used
        u = (u - np.sum(g**2 * u)) * used
        u = u / np.abs(u).max() if used.sum() > 1 else 0.0 * u
        d = u * g / np.sqrt(2.0)
        expected = g[:, None] * [1.0, 1.0] / np.sqrt(2.0) + d[:, None] * [1.0, -1.0]
        np.testing.assert_allclose(matrix, expected, atol=1e-12)
    np.testing.assert_allclose(found[1, :2], np.eye(2), atol=1e-12)


def test_scores_of_a_swap_of_front_and_rear(rng):
    stems = colored(rng)
    found = score_mixed(stems, MATRICES, mixed(stems, MATRICES)[[3, 4, 2, 0, 1]], RATE)
    assert found["placement_vocals"] == pytest.approx(100.0, abs=0.1)
    assert found["placement_drums"] + found["placement_other"] == pytest.approx(0.0, abs=0.1)
    # All energy moves by 80 degrees; the error of a wrong image has the energy of both.
    assert found["direction_error_other"] == pytest.approx(80.0, abs=0.2)
    assert found["sdr_other"] == pytest.approx(-10.0 * np.log10(2.0), abs=0.1)
    assert found["level"] == pytest.approx(0.0, abs=1e-9)


def test_the_largest_level_difference_is_that_of_one_band_and_second(rng):
    audio = rng.standard_normal((2, 4 * RATE))
    assert largest_level_difference(audio, audio, RATE) == 0.0
    audio[1] *= 0.01
    other = audio.copy()
    other[1, RATE : 2 * RATE] *= 10.0**0.5  # from -40 to -30 dB: below the limit, then at it
    # One second of an octave band of noise has a level of its own, by a few tenths.
    assert largest_level_difference(audio, other, RATE) < 1.5
    other[0, RATE : 2 * RATE] *= 0.5
    assert largest_level_difference(audio, other, RATE) == pytest.approx(6.02, abs=0.5)
    assert np.isnan(largest_level_difference(0.0 * audio, 0.0 * audio, RATE))


def band_system(name="oracle", seconds=None):
    """A system that knows the noise of a song; after some seconds it swaps front and rear."""

    def upmix(stereo, style):
        left, right = stereo
        five = np.stack([left, right, 0.0 * left, 0.3 * left, 0.3 * right])
        if seconds is not None:
            swapped = round(seconds * RATE)
            five[:, swapped:] = five[[3, 4, 2, 0, 1], swapped:]
        return five

    return System(name, upmix)


def test_the_benchmark_reports_jumps_between_windows(songs, monkeypatch):
    from spatialkit_models.evaluation import level_differences, stem_images

    # Windows of 1 s, an offset of 0.5 s and levels of 0.25 s in place of 10 s, 5 s and 1 s.
    monkeypatch.setattr(level_differences, "SEGMENT_SECONDS", 0.25)
    monkeypatch.setattr(stem_images, "WINDOW_SECONDS", 1.0)
    monkeypatch.setattr(mixed_benchmark, "OFFSET_SAMPLES", RATE // 2)
    monkeypatch.setattr(mixed_benchmark, "SETTLING_SECONDS", 0.1)
    excerpts = SongExcerpts([(songs, 1.0)], "all", 2.0, 3, RATE, starts={"song1": (0.0, 1.0)})
    systems = band_system("steady"), band_system("swapping", 1.0)
    results = benchmark_mixed(excerpts, systems)
    assert [(one["songs"], one["start"]) for one in results.examples] == [
        (["song1"], 0.0),
        (["song1"], 1.0),
    ]
    steady, swapping = (row.values for row in results.rows)
    # Drums in front and rear with gains of 1 and 0.3.
    assert steady["placement_drums"] == pytest.approx((100.0 / 1.09,) * 2, abs=0.1)
    assert max(steady["variation"]) < 0.1
    assert max(steady["jump"]) == 0.0
    assert min(swapping["variation_drums"]) > 50.0
    assert min(swapping["jump"]) > 8.0  # 10.5 dB between the gains, spread by the STFT
    assert "In place by stem" in results.to_markdown()


def test_listed_excerpts_are_segments_of_files(songs):
    import soundfile

    excerpts = SongExcerpts([(songs, 1.0)], "all", 0.5, sample_rate=RATE, starts=(0.25, 2.0))
    opened = excerpts.open(stereo=True)
    assert excerpts.count(99) == len(opened.places) == 4
    assert [opened.songs(12 * number)[0] for number in range(4)] == ["song0"] * 2 + ["song1"] * 2
    expected, _ = soundfile.read(songs / "song0" / "bass.wav", start=2 * RATE, frames=RATE // 2)
    np.testing.assert_array_equal(opened.excerpt(12)[2], expected.T.astype(np.float32))
    assert opened.songs(0, other_than=0) == ("song1",) * 4
    whole = SongExcerpts([(songs, 1.0)], "all", 1.0, sample_rate=RATE, starts="all").open()
    assert [start for _, start in whole.places] == [0.0, 1.0, 2.0] * 2
    assert whole.excerpt(0).shape == (4, RATE)


@pytest.mark.parametrize(
    ("datasets", "starts", "message"),
    [
        ("songs", (2.6,), "from 2.6 s exceeds song0, which has 3.0 s"),
        ("songs", {"other": (1.0,)}, "whose songs are song0, song1; the list names other"),
        ("songs", "some", "starts must be numbers or 'all'"),
        ("procedural", (0.0,), "procedural songs have no start times"),
    ],
)
def test_lists_that_do_not_fit_are_refused(songs, datasets, starts, message):
    root = songs if datasets == "songs" else datasets
    with pytest.raises(OptionError, match=message):
        SongExcerpts([(root, 1.0)], "all", 0.5, sample_rate=RATE, starts=starts).open()


def test_lists_are_read_from_files(tmp_path):
    published = read_list("published")
    assert published.songs["francium"] == (40.0, 136.0, 200.0)
    path = tmp_path / "list.json"
    path.write_text('{"seconds": 5, "songs": {"a": [1, 2]}}')
    assert read_list(path).songs == {"a": (1.0, 2.0)}
    for text in ("[]", "{", '{"seconds": 5}', '{"seconds": 5, "songs": {"a": "x"}}'):
        path.write_text(text)
        with pytest.raises(OptionError, match="is no list of excerpts"):
            read_list(path)
    with pytest.raises(OptionError, match="cannot be read"):
        read_list(tmp_path / "none.json")


def test_systems_of_any_origin_are_rendered_to_the_format(rng, tmp_path):
    stereo = rng.uniform(-0.5, 0.5, (2, RATE)).astype(np.float32)
    quad = get_upmixer("matrix", layout="quad")
    copy = command_system("cp {input} {output}", "stereo", name="copy")
    given = ["foa-sides", "matrix:center=0", quad, copy, System("own", lambda audio, style: audio)]
    found, notes = as_evaluated([*given[:2], *given[3:], "coderynx"], RATE, "5.0", stage="band")
    assert [system.name for system in found] == ["foa-sides", "matrix:center=0", "copy", "own"]
    assert "The upmixer of coderynx" in notes[0]
    for system in found[:3]:
        assert system.upmix(stereo, None).shape == (5, RATE)
    assert found[1].facts["options"] == {"center": "0"}
    np.testing.assert_array_equal(found[2].upmix(stereo, None), render(stereo, "stereo", "5.0"))
    (matrix,), _ = as_evaluated([quad], RATE, "5.0")
    np.testing.assert_allclose(
        matrix.upmix(stereo, None), render(quad.upmix(stereo, RATE), "quad", "5.0")
    )
    with pytest.raises(OptionError, match="'matrix' is there twice"):
        as_evaluated(["matrix", quad], RATE, "5.0")


def test_the_command_evaluates_upmixers_by_name(songs, tmp_path, capsys):
    line = ["benchmark", "style-vae", "--protocol", "mixed", "--stems", str(songs)]
    line += ["--split", "all", "-u", "matrix:center=0.5"]
    path, table = tmp_path / "all.json", tmp_path / "all.csv"
    files = ["--json", str(path), "--csv", str(table), "--baseline", "ambience"]
    assert main([*line, "--starts", "0.5", "--seconds", "1", *files]) == 0
    text = capsys.readouterr().out
    assert "| matrix:center=0.5 |" in text
    assert "| in place | matrix:center=0.5 - ambience |" in text
    facts = json.loads(path.read_text())
    assert facts["settings"]["starts"] == [0.5]
    assert facts["settings"]["directions"]["other"] == [110.0, -110.0]
    names = ["all-channel-stereo", "ambience", "matrix:center=0.5"]
    assert [row["system"] for row in facts["rows"]] == names
    assert list(Results.read(table).systems) == names
    assert {"wild", "wild_90"} <= set(Results.read(table).metrics)
    for wrong, message in (
        (["--starts", "x"], "--starts must be 'all' or seconds"),
        (["--excerpts", "published", "--starts", "1"], "omit --starts and --seconds"),
        (["-u", "matrix:center"], "NAME:KEY=VALUE"),
        (["--baseline", "nobody"], "unknown baseline 'nobody'"),
        (["--latents", "a.png"], "no effect with --protocol mixed"),
        (["--write-stimuli", "a"], "--write-stimuli measures nothing"),
    ):
        assert main([*line, *wrong]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("protocol", ["mixed", "same"])
def test_outputs_that_were_computed_before_have_the_scores_of_their_upmixer(
    songs, tmp_path, capsys, protocol
):
    line = ["benchmark", "style-vae", "--protocol", protocol, "--stems", str(songs)]
    line += ["--split", "all", "--examples", "2", "--seconds", "0.5"]
    stimuli, outputs = tmp_path / "stimuli", tmp_path / "outputs"
    assert main([*line, "--write-stimuli", str(stimuli)]) == 0
    assert capsys.readouterr().out == f"{stimuli}: 2 stimuli\n"
    outputs.mkdir()
    matrix = get_upmixer("matrix", layout="5.0")
    for path in stimuli.glob("*.wav"):
        audio = read(path)
        write(outputs / path.name, matrix.upmix(audio), audio.sample_rate, subtype="FLOAT")
    table = tmp_path / "all.csv"
    line += ["-u", "matrix", "--estimates", f"folder={outputs}", "--csv", str(table)]
    assert main(line) == 0
    results = Results.read(table)
    first, second = (results.select(system=name) for name in ("matrix", "folder"))
    for name in results.metrics:
        if name == "jump":
            assert np.isnan(second[name]).all()
        else:
            np.testing.assert_allclose(first[name], second[name], atol=1e-4, err_msg=name)


def test_the_upmixer_with_true_stems_has_them_in_place(rng):
    """The bound of all separators: at least 99 % in place, through files and the upmixer."""
    pytest.importorskip("torch")
    stems = np.repeat(colored(rng, 1.0), 6, axis=2)[..., :44100].astype(np.float32)
    found = mixed_benchmark.stem_system(BAND).upmix(stems.sum(0), stems)
    scores = score_mixed(stems, MATRICES, found, 44100)
    assert min(scores[f"placement_{stem}"] for stem in STEMS) > 99.0


@pytest.mark.parametrize("sdr_db", [6.0, 9.0])
def test_leakage_keeps_the_sum_and_has_the_mean_sdr(rng, sdr_db):
    stems = colored(rng).astype(np.float32)[..., :-100]  # no multiple of the hop
    stems[2] *= 1e-3  # 60 dB softer: does not count
    found = add_leakage(stems, sdr_db, seed=3)
    assert found.dtype == stems.dtype
    np.testing.assert_allclose(found.sum(0), stems.sum(0), atol=1e-5)
    errors = np.square(found - stems, dtype=np.float64).sum((1, 2))
    sdr = 10.0 * np.log10(np.square(stems).sum((1, 2)) / errors)
    assert sdr[[0, 1, 3]].mean() == pytest.approx(sdr_db, abs=1e-3)
    np.testing.assert_array_equal(add_leakage(stems, sdr_db, seed=3), found)
    assert not np.array_equal(add_leakage(stems, sdr_db, seed=4), found)
    np.testing.assert_array_equal(add_leakage(0.0 * stems, sdr_db), 0.0 * stems)


IDEAL = ("ideal ratio masks", "half way to ideal masks")


def test_the_command_evaluates_stems_with_leakage(songs, tmp_path, capsys):
    pytest.importorskip("torch")
    line = ["benchmark", "style-vae", "--protocol", "mixed", "--stems", str(songs)]
    line += ["--split", "all", "--starts", "0.5", "--seconds", "1", "-u", "matrix"]
    path = tmp_path / "all.json"
    limits = ["--stem-sdr", "6", "--stem-sdr", "20", "--stem-sdr", "inf", "--ideal-masks"]
    assert main([*line, *limits, "--json", str(path)]) == 0
    rows = {row["system"]: row["values"] for row in json.loads(path.read_text())["rows"]}
    assert min(rows["style-vae, true stems"]["placement"]) > 99.9
    ideal, half = (rows[f"style-vae, {name}"] for name in IDEAL)
    assert min(ideal["placement"]) > min(half["placement"]) > 25.0
    better, worse = (rows[f"style-vae, stems at {sdr} dB"] for sdr in (20, 6))
    assert min(better["placement"]) > min(worse["placement"]) > 60.0
    assert min(better["placement"]) > 95.0
    assert main([*line, "--stem-sdr", "nan"]) == 2
    assert "SDR of stems must be" in capsys.readouterr().err
    assert main(["benchmark", "style-vae", "--stems", str(songs), "--ideal-masks"]) == 2
    assert "--directions and --ideal-masks need --protocol mixed" in capsys.readouterr().err
