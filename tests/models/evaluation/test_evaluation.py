"""The benchmark runner, Table 1 of style transfer, and the analysis of latents."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from spatialkit.__main__ import main
from spatialkit.benchmarks import (
    Benchmark,
    Example,
    Trial,
    fingerprint,
    run_benchmark,
    summarize,
    versions,
)
from spatialkit.errors import OptionError
from spatialkit.metrics import angle_error, wild
from spatialkit.panning import vbap_gains
from spatialkit.results import Metric
from spatialkit_models.commands.stems import StemDataset
from spatialkit_models.data.scenes import Configuration, load_configurations, mix
from spatialkit_models.evaluation import System
from spatialkit_models.stem_names import STEMS
from spatialkit_models.style_vae.benchmark import (
    METRICS,
    SongExcerpts,
    StyleExample,
    StyleSystem,
    baseline_systems,
    benchmark_style_vae,
    score,
    stem_style_system,
)
from spatialkit_models.style_vae.latents import (
    StyleLatents,
    encode_latents,
    group_deviations,
    principal_components,
)

RATE = 8000
TWO = (
    Metric("error", "error", "dB", "lower", "Mean of what was made."),
    Metric("side", "side", "", "near 0", "The same, elsewhere.", "Apart"),
)


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Three songs of noise, their stems orthogonal and of one level."""
    import soundfile

    root = tmp_path_factory.mktemp("songs")
    for number in range(3):
        noise = np.random.default_rng(number).standard_normal((4 * RATE, 4))
        stems = np.linalg.qr(noise)[0].T * np.sqrt(4 * RATE) * 0.1
        for name, stem in zip(("vocals", "drums", "bass", "other"), stems, strict=True):
            (root / f"song{number}").mkdir(exist_ok=True)
            soundfile.write(root / f"song{number}" / f"{name}.wav", stem, RATE, subtype="FLOAT")
    return root


@pytest.fixture
def excerpts(songs):
    return SongExcerpts([(songs, 1.0)], "all", 0.5, 3, RATE)


def copies(stereo, style):
    """The paper's baseline, written out."""
    left, right = 0.5 * stereo
    return np.stack([left, right, 0 * left, left, right])


def test_summaries_are_those_of_textbooks_and_intervals_stay_in_bounds():
    found = summarize([1.0, 2.0, 3.0, 4.0, math.nan, 10.0])
    assert (found.mean, found.median, found.count) == (4.0, 3.0, 5)
    assert found.deviation == pytest.approx(math.sqrt(12.5))
    # Means of five of the values with replacement, by enumeration of all 3125 samples.
    samples = np.array(list(product([1.0, 2.0, 3.0, 4.0, 10.0], repeat=5))).mean(axis=1)
    low, high = np.quantile(samples, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.4)
    angles = summarize([0.0] * 11 + [180.0])  # Student's t: -18 to 48
    assert 0.0 <= angles.low < 15.0 < angles.high <= 180.0
    assert (summarize([2.0, 2.0]).low, summarize([2.0, 2.0]).high) == (2.0, 2.0)
    assert summarize([math.nan]).count == 0
    assert math.isnan(summarize([2.0]).deviation)
    endless = summarize([1.0, math.inf])
    assert endless.mean == math.inf
    assert math.isnan(endless.low)


def trials(*systems):
    """Two examples of two samples; the estimate is evaluated by its mean."""
    for number in range(2):
        audio = np.full((1, 2), float(number + 1))
        yield Example(
            {"number": number},
            2.0,
            RATE,
            [
                Trial(
                    system.name,
                    {"case": "a"},
                    audio,
                    system.conditioned(None),
                    lambda made: {"error": made.mean(), "side": -made.mean(), "more": 0.0},
                )
                for system in systems
            ],
        )


def test_rows_gather_the_values_of_all_examples_and_a_failure_stops_no_other():
    def fail(audio, style):
        assert audio[0, 0] == 1.0, "it is not asked again"
        raise ValueError("too loud")

    results = run_benchmark(
        trials(System("same", lambda audio, style: audio), System("broken", fail)),
        TWO,
        title="Means",
        settings={"seed": 7, **versions()},
        notes=["A note."],
    )
    good, bad = results.rows
    assert good.values == {"error": (1.0, 2.0), "side": (-1.0, -2.0)}
    assert good.speed > 0.0
    assert bad.error == "ValueError: too loud"
    text = results.to_markdown()
    assert "| a | same | 1.5 (1.0 to 2.0; 1.5) |" in text
    assert results.examples[0] == {
        "number": 0,
        "stimuli": {"a": fingerprint(np.ones((1, 2)), RATE)},
    }
    assert results.to_csv().splitlines() == [
        "system,reference,case,error,side",
        "same,1,a,1.0,-1.0",
        "same,2,a,2.0,-2.0",
    ]
    assert "**Apart**" in text
    assert "- a, broken failed: ValueError: too loud\n- A note." in text
    assert "| a | broken" not in text


def test_reports_are_unchanged_by_json(tmp_path):
    results = run_benchmark(
        trials(System("odd", lambda audio, style: np.where(audio > 1.0, np.inf, np.nan))),
        TWO,
        title="Odd",
        settings={"roots": ["a"], "seed": 1},
    )
    text = results.to_json()
    facts = json.loads(text)
    assert facts["rows"][0]["values"]["error"] == [None, "inf"]
    assert facts["rows"][0]["summary"]["error"]["mean"] == "inf"
    assert facts["settings"] == {"roots": ["a"], "seed": 1}
    again = Benchmark.from_json(text)
    assert again.to_json() == text
    assert again.to_markdown() == results.to_markdown()
    for wrong in ("{}", "[]", "no"):
        with pytest.raises(OptionError, match="not JSON of a benchmark"):
            Benchmark.from_json(wrong)


def test_the_baseline_has_the_figures_that_can_be_computed_by_hand(rng):
    # Orthogonal stems of power 1; one at each of three loudspeakers, one silent.
    stems = np.linalg.qr(rng.standard_normal((6000, 4)))[0].T * np.sqrt(6000.0)
    stems[3] = 0.0
    configuration = Configuration((30.0, -110.0, 0.0, 10.0), (0.0,) * 4)
    target = mix(stems, configuration.gains.astype(float))
    stereo = mix(stems, configuration.seed_gains("same").astype(float))
    np.testing.assert_allclose(stereo, [stems[0] + 0.5 * stems[2], stems[1] + 0.5 * stems[2]])
    (baseline,) = (x for x in baseline_systems(RATE) if x.name == "all-channel-stereo")
    upmix = baseline.upmix(stereo, None)
    np.testing.assert_allclose(upmix, copies(stereo, None), atol=1e-12)
    found = score(stems, configuration.azimuth, target, upmix)
    # Of stems 0 and 1: half where they should be, half elsewhere, so errors 1/4 + 1/4 each; of the
    # centre's: all missing, and 1/4 in each of four others, 1/16 of power each: 1 + 1/4.
    assert found["snr"] == pytest.approx(10.0 * np.log10(3.0 / 2.25), abs=1e-6)
    # The best scale is <t, u> / <t, t> = (1/2 + 1/2) / 3; scaled target against the same error.
    assert found["sd_sdr"] == pytest.approx(10.0 * np.log10(3.0 / 9.0 / 2.25), abs=1e-6)
    assert found["level"] == pytest.approx(10.0 * np.log10((0.5 + 0.5 + 0.25) / 3.0), abs=1e-6)
    # FL and SL alike: midway between 30 and 110 degrees. The centre's: in front by fronts and
    # rears, 2 cos 30 + 2 cos 110 > 0, so right.
    angles = [found[f"angle_error_{stem}"] for stem in ("vocals", "drums", "bass")]
    assert angles == pytest.approx([40.0, 40.0, 0.0], abs=1e-4)
    assert found["angle_error"] == pytest.approx(80.0 / 3.0, abs=1e-4)
    assert math.isnan(found["angle_error_other"])
    # What a histogram of 0.1 dB rounds is far below a bin for each of ten pairs.
    assert found["wild"] == pytest.approx(wild(target, upmix), abs=0.05)
    lower = wild(target, upmix, floor_db=-90.0)
    assert found["wild_90"] == pytest.approx(lower, abs=0.05)
    assert found["wild_90"] > found["wild"]


def test_an_inaudible_stem_has_no_angle_error(rng):
    stems = rng.standard_normal((4, 4000)) * [[1.0], [1.0], [1.0], [3e-3]]  # -50.5 dB
    azimuth = (30.0, -30.0, 0.0, 110.0)
    target = mix(stems, Configuration(azimuth, azimuth).gains.astype(float))
    assert angle_error(stems, target, azimuth, "5.0").shape == (4,)
    assert math.isnan(score(stems, azimuth, target, target)["angle_error_other"])
    silence = score(stems, azimuth, target, 0.0 * target)
    assert silence["level"] == -math.inf
    assert math.isnan(silence["angle_error"])


def test_an_oracle_is_perfect_and_the_table_has_the_requested_rows(excerpts):
    told = []

    def oracle(stereo, five):
        told.append(five)
        return five

    systems = (System("copies", copies), System("oracle", oracle, uses_style=True))
    results = benchmark_style_vae(excerpts, systems, examples=3, configurations=2)
    rows = {(row.system, *row.setting.values()): row for row in results.rows}
    exact = "exact downmix"
    assert list(rows) == [
        ("copies", "same", ""),
        (f"copies, {exact}", "same", ""),
        ("oracle", "same", "own"),
        (f"oracle, {exact}", "same", "own"),
        ("oracle", "same", "other"),
        (f"oracle, {exact}", "same", "other"),
        ("copies", "independent", ""),
        ("oracle", "independent", "own"),
        ("oracle", "independent", "other"),
    ]
    for protocol in ("same", "independent"):
        perfect = rows["oracle", protocol, "own"].values
        assert perfect["snr"] == (math.inf,) * 3
        assert max(perfect["angle_error"]) < 1e-3  # gains are float32
        assert perfect["wild"] == perfect["wild_90"] == perfect["level"] == (0.0,) * 3
        # Another song is another waveform: as wrong as two songs differ, 3 dB more than either.
        other = rows["oracle", protocol, "other"].values
        assert np.mean(other["snr"]) == pytest.approx(-3.0, abs=0.3)
    # float32 throughout: what the exact downmix changes of a perfect upmix is its rounding.
    assert min(rows[f"oracle, {exact}", "same", "own"].values["snr"]) > 120.0
    # The downmix of the copies is already exact.
    np.testing.assert_allclose(
        rows[f"copies, {exact}", "same", ""].values["snr"],
        rows["copies", "same", ""].values["snr"],
        atol=1e-4,
    )
    assert [example["configuration"] for example in results.examples] == [0, 1, 0]
    for example in results.examples:
        assert example["songs"] != example["style_songs"]
    assert told[0].shape == (5, RATE // 2)
    settings = results.settings
    assert settings["datasets"] == [{"dataset": str(excerpts.datasets[0][0]), "weight": 1.0}]
    assert settings["configurations"][1]["azimuth"] == load_configurations()[1].azimuth
    assert {"spatialkit", "numpy", "python"} <= settings["versions"].keys()
    assert Benchmark.from_json(results.to_json()).to_json() == results.to_json()


def test_examples_depend_on_the_seed_only(excerpts):
    from dataclasses import replace

    def values(seed):
        system = (System("copies", copies),)
        found = benchmark_style_vae(
            replace(excerpts, seed=seed), system, examples=3, protocols=["same"], styles=["own"]
        )
        return found.rows[0].values

    first, again, other = values(3), values(3), values(4)
    assert first == again
    assert first["snr"] != other["snr"]
    assert len(set(first["snr"])) == 3


def test_a_note_reports_a_style_from_the_same_song(songs):
    alone = SongExcerpts([(songs / "song1", 1.0)], "all", 0.5, 3, RATE)
    systems = (System("oracle", lambda stereo, five: five, uses_style=True),)
    results = benchmark_style_vae(alone, systems, examples=2, protocols=["same"])
    assert (
        "In 2 of 2 examples the other song is another segment of the same song"
        in results.to_markdown()
    )
    assert "Songs: 1; configurations: 2; seed: 3." in results.notes
    (other,) = (x for x in results.rows if (x.system, x.setting["style"]) == ("oracle", "other"))
    assert max(other.values["snr"]) < -2.0  # another excerpt all the same: -3 dB, as of two songs


def test_styles_can_be_encoded_from_another_dataset(songs):
    alone = SongExcerpts([(songs / "song1", 1.0)], "all", 0.5, 3, RATE)
    styles = SongExcerpts([(songs / "song2", 1.0)], "all", 0.5, 3, RATE)
    systems = (System("oracle", lambda stereo, five: five, uses_style=True),)
    found = benchmark_style_vae(
        alone, systems, examples=2, protocols=["same"], styles=["other"], style_excerpts=styles
    )
    assert [(example["songs"], example["style_songs"]) for example in found.examples] == [
        (["song1"], ["song2"])
    ] * 2
    assert found.settings["style_excerpts"]["datasets"] == [
        {"dataset": str(songs / "song2"), "weight": 1.0}
    ]
    # A stem that an example lacks has no place there.
    assert found.settings["style_excerpts"]["min_active"] == len(STEMS)


def test_invalid_arguments_are_refused(excerpts):
    for wrong, message in (
        ({"protocols": ["both"]}, "unknown protocol"),
        ({"styles": ["mine"]}, "unknown style"),
        ({"examples": 0}, "examples must be at least 1"),
        ({"configurations": 21}, "count must be from 1 to 20"),
    ):
        with pytest.raises(OptionError, match=message):
            benchmark_style_vae(excerpts, (), **wrong)


def test_deviations_of_additive_latents_are_exact(rng):
    songs, configurations = rng.standard_normal((6, 1, 5)), rng.standard_normal((1, 9, 5))
    within_configuration, within_song = group_deviations(0.5 * songs + 2.0 * configurations)
    assert within_configuration == pytest.approx(0.5 * songs.std(axis=0, ddof=1).mean())
    assert within_song == pytest.approx(2.0 * configurations.std(axis=1, ddof=1).mean())
    assert math.isnan(group_deviations(songs)[1])


def test_principal_components_find_a_plane(rng):
    plane = np.linalg.qr(rng.standard_normal((7, 2)))[0].T
    inside = rng.standard_normal((4, 6, 2)) * [3.0, 1.0]
    points, shares = principal_components(inside @ plane + rng.standard_normal(7))
    assert shares.sum() == pytest.approx(1.0)
    # A rotation of the plane: distances stay.
    flat, found = inside.reshape(-1, 2), points.reshape(-1, 2)
    np.testing.assert_allclose(
        np.linalg.norm(found - found[0], axis=1), np.linalg.norm(flat - flat[0], axis=1)
    )


def test_latents_of_directions_only_are_equal_for_all_songs(excerpts):
    def levels(five):
        return 10.0 * np.sqrt(np.mean(five**2, axis=1))

    system = StyleSystem("levels", copies, True, encode=levels)
    found = encode_latents(system, excerpts, load_configurations(3), 4)
    assert found.means.shape == (4, 3, 5)
    # Three songs there are, and one of them has to serve again.
    assert len(set(found.songs)) == 3
    assert found.facts()["ratio"] < 0.2
    assert "encoder_error" not in found.facts()
    (sentence,) = found.sentences()
    assert "(4 excerpts of 3 songs, 3 configurations)" in sentence


def test_encoder_errors_are_angles_between_energy_vectors(excerpts):
    configurations = load_configurations(3)
    # A model that finds all stems at SL, at 110 degrees.
    left = np.tile([0.0, 0.0, 0.0, 1.0, 0.0], (4, 1))
    system = StyleSystem(
        "left", copies, True, encode=lambda five: five[:, 0], stem_gains=lambda latent: left
    )
    found = encode_latents(system, excerpts, configurations, 2)
    speakers = np.deg2rad([30.0, -30.0, 0.0, 110.0, -110.0])
    for place, configuration in enumerate(configurations):
        energy = np.square(vbap_gains(configuration.azimuth, layout="5.0"))
        azimuth = np.angle(energy @ np.exp(1j * speakers), deg=True)
        expected = np.abs((azimuth - 110.0 + 180.0) % 360.0 - 180.0)
        np.testing.assert_allclose(found.errors[:, place], [expected, expected], atol=1e-3)
    facts = found.facts()
    assert facts["encoder_error"] == pytest.approx(np.nanmean(found.errors))
    assert facts["encoder_wrong"] == pytest.approx(np.mean(found.errors > 60.0))
    assert f"{facts['encoder_error']:.1f} degrees" in next(found.sentences())


def test_the_model_with_true_stems_finds_and_keeps_all_directions(rng):
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    configuration = load_configurations(1)[0]

    def stems_apart():
        """Noise in frequency bands of its own for each stem."""
        spectra = np.fft.rfft(rng.standard_normal((4, 2 * 44100)))
        bands = np.arange(spectra.shape[1]) * 44100 // spectra.shape[1] // 900 % 4
        apart = np.fft.irfft(spectra * (bands == np.arange(4)[:, None])) * 0.1
        return apart.astype(np.float32)

    stems, others = stems_apart(), stems_apart()
    target, five = (mix(each, configuration.gains) for each in (stems, others))
    own, same = (configuration.seed_gains(name) for name in ("independent", "same"))
    example = StyleExample(
        five, others[:, None] * same[:, :, None], stems[:, None] * own[:, :, None]
    )
    system = stem_style_system()
    assert system.name == "style-vae, true stems"
    found = score(stems, configuration.azimuth, target, system.upmix(mix(stems, own), example))
    # Some bands are shared; exchanged stems would have an error of 40 degrees or more.
    assert found["angle_error"] < 5.0
    assert found["snr"] > 6.0


def test_figures_are_drawn(excerpts, tmp_path):
    pytest.importorskip("matplotlib")
    from spatialkit_models.style_vae.latents import draw_latents

    system = System("copies", copies)
    results = benchmark_style_vae(excerpts, (system,), examples=2, styles=["own"])
    results.figure(tmp_path / "table.png")
    latents = StyleLatents("made up", ["a", "b"], np.arange(12.0).reshape(2, 3, 2) ** 1.5)
    draw_latents([latents, latents], tmp_path / "latents.svg")
    assert (tmp_path / "table.png").read_bytes()[1:4] == b"PNG"
    assert "<svg" in (tmp_path / "latents.svg").read_text()


@pytest.mark.parametrize(
    ("text", "root"),
    [("songs", ("songs", 1.0)), ("songs:2.5", ("songs", 2.5)), ("C:/a b", ("C:/a b", 1.0))],
)
def test_dataset_directories_have_weights(text, root):
    assert StemDataset().convert(text, None, None) == root


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf"])
def test_invalid_dataset_weights_are_refused(weight):
    with pytest.raises(OptionError, match="must be a number above 0"):
        StemDataset().convert(f"songs:{weight}", None, None)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Return a tiny untrained model."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    from dataclasses import asdict

    from spatialkit_models.modules import MaskConfig
    from spatialkit_models.style_vae import FastConfig, FastStyleVAE
    from spatialkit_models.weights import Card, save_weights

    config = FastConfig(MaskConfig(group_features=2, width=4, dilations=(1,)), 3, 4)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = FastStyleVAE(config)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    facts = json.loads(json.dumps(asdict(config)))
    card = Card(model="style-vae", architecture="style-vae-fast", config=facts)
    save_weights(path, model, card)
    return path


def test_the_command_writes_tables_values_and_figures(weights, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    line = [
        "benchmark",
        "style-vae",
        "--stems",
        "procedural",
        "--examples",
        "2",
        "--seconds",
        "0.5",
    ]
    line += ["--configurations", "2", "--weights", str(weights), "--protocol", "same"]
    named = {"--json": "all.json", "--figure": "table.png", "--latents": "latents.png"}
    files = [part for option, name in named.items() for part in (option, str(tmp_path / name))]
    assert main([*line, *files]) == 0
    text = capsys.readouterr().out
    # For own and other styles, as it is and with the exact downmix, in three tables.
    assert text.count("| style-vae-fast") == 12
    assert "Latents of style-vae-fast: deviation " in text
    results = Benchmark.from_json((tmp_path / "all.json").read_text())
    assert len(results.examples) == 2
    assert {row.system for row in results.rows if not row.error} == {
        "all-channel-stereo",
        "ambience",
        "ambience, exact downmix",
        "style-vae-fast",
        "style-vae-fast, exact downmix",
    }
    assert results.settings["systems"]["style-vae-fast"]["card"]["sha256"]
    assert np.shape(results.findings["latents"]["style-vae-fast"]["means"]) == (2, 2, 3)
    assert set(METRICS) == set(results.metrics)
    assert (tmp_path / "latents.png").exists()

    assert main([*line, *files]) == 2
    assert "exists: add --force" in capsys.readouterr().err


def test_the_command_reports_invalid_arguments(tmp_path, capsys, monkeypatch):
    from spatialkit_models.weights import cards

    line = ["benchmark", "style-vae", "--stems", str(tmp_path / "none")]
    if not cards.missing_packages():
        assert main([*line, "--weights", str(tmp_path / "no.safetensors")]) == 2
        assert "no.safetensors cannot be read" in capsys.readouterr().err
    monkeypatch.setattr(cards, "find_spec", lambda module: None)
    assert main([*line, "--weights", "w.safetensors"]) == 2
    assert "spatialkit's extra `models`" in capsys.readouterr().err
    assert main([*line, "--latents", str(tmp_path / "latents.png")]) == 2
    assert "--latents needs a model" in capsys.readouterr().err
    assert main(line) == 2
    assert "is not a directory" in capsys.readouterr().err


def test_it_is_named_in_the_entry_points():
    setup = Path(__file__).parents[3] / "setup.cfg"
    if not setup.exists():
        pytest.skip("runs in the source tree")
    named = "    style-vae = spatialkit_models.commands.benchmark:style_vae\n"
    assert f"\nspatialkit.benchmarks =\n{named}" in setup.read_text()


def test_a_binaural_observer_takes_the_test_of_the_paper(excerpts):
    """A system that returns the target is preferred to the baseline for every stem."""
    systems = (*baseline_systems(RATE)[:1], System("truth", lambda stereo, style: style, True))
    results = benchmark_style_vae(
        excerpts, systems, examples=2, protocols=["same"], styles=["own"], observer=True
    )
    baseline, truth = (row.values for row in results.rows if "exact" not in row.system)
    assert min(baseline["observer_error"]) > 1.0
    for stem in ("", "_vocals", "_drums", "_bass", "_other"):
        assert truth[f"observer_error{stem}"] == (0.0, 0.0)
        assert truth[f"observer_preferred{stem}"] == (100.0, 100.0)
    text = results.to_markdown()
    assert "a model of a listener" in text
    assert "those of a model, not of listeners" in text
    plain = benchmark_style_vae(excerpts, systems, examples=1, protocols=["same"], styles=["own"])
    assert "observer" not in plain.to_markdown()
