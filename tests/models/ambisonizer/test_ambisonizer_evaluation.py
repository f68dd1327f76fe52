"""The benchmark of the Ambisonizer: its scenes, its rows and its command."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spatialkit import encode_foa
from spatialkit.__main__ import main
from spatialkit.benchmarks import Benchmark, Row
from spatialkit.errors import OptionError
from spatialkit.results import Metric
from spatialkit_models.ambisonizer import benchmark as evaluation
from spatialkit_models.ambisonizer.benchmark import (
    METRICS,
    PROTOCOLS,
    AmbisonicSystem,
    RoomChoice,
    SongExcerpts,
    baseline_systems,
    benchmark_ambisonizer,
)
from spatialkit_models.ambisonizer.margins import margins
from spatialkit_models.data.rooms import RoomResponses
from spatialkit_models.data.scenes import (
    MEAN_STAGE,
    HandStage,
    load_hand_stage,
    residual_x,
    write_wxy,
)
from spatialkit_models.data.scenes.hand_stage import Point
from spatialkit_models.data.scenes.stage import sample_band

RATE = 8000


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Two songs of noise in stereo, panned, their stems of one level."""
    import soundfile

    root = tmp_path_factory.mktemp("songs")
    for number in range(2):
        rng = np.random.default_rng(number)
        (root / f"song{number}").mkdir()
        for name in ("vocals", "drums", "bass", "other"):
            stem = 0.1 * rng.standard_normal(3 * RATE)
            sides = np.stack([stem, rng.uniform(0.2, 0.9) * stem], 1)
            soundfile.write(root / f"song{number}" / f"{name}.wav", sides, RATE, subtype="FLOAT")
    return root


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """A response from the front, and an echo from the left 10 ms later at half the level."""
    from spatialkit import write

    root = tmp_path_factory.mktemp("rooms")
    impulse = np.eye(1, 400, 40)[0]
    response = encode_foa(np.stack([impulse, 0.5 * np.roll(impulse, 80)]), [0.0, 90.0])
    (root / "hall").mkdir()
    write(root / "hall" / "a.wav", response, RATE, format="ambix1")
    return root


@pytest.fixture
def excerpts(songs):
    return SongExcerpts([(songs, 1.0)], "all", 0.5, 3, RATE)


def test_the_mean_stage_is_the_mean_of_the_samples():
    rng = np.random.default_rng(0)
    azimuths = np.array([sample_band(rng)[0] for _ in range(4000)])
    ahead = np.where(np.cos(np.radians(azimuths)) < 0.0, -1.0, 1.0).mean(axis=0)
    np.testing.assert_allclose(ahead, MEAN_STAGE, atol=0.05)  # three deviations of the mean


def test_a_hand_made_stage_is_plane_waves_and_reverberation(rooms):
    standing = tuple((Point(0.0, azimuth, 0.0, 2.0),) for azimuth in (0.0, 30.0, -20.0, 100.0))
    stage = HandStage(standing, (1.0,) * 4, -6.0)
    stems = np.zeros((4, 2, 400), np.float32)
    stems[1, :, 10] = 1.0
    made = stage.foa(stems, RoomResponses([rooms], "train", RATE), 0)
    # Both sides come from 30 degrees, at half the distance's level; the echo from 90 more.
    direct, late = np.eye(1, 400, 10)[0] / 2.0, 0.5 * 10 ** (-6.0 / 20.0) * np.eye(1, 400, 90)[0]
    expected = encode_foa(np.stack([direct, late]), [30.0, 120.0])
    # The response was written in float32; its direct sound's end fades over 1 ms.
    np.testing.assert_allclose(made, expected, atol=2e-6)


def test_a_hand_made_stage_moves_through_the_rear(rooms):
    stage = replace(load_hand_stage(), room_db=-200.0)
    stems = np.zeros((4, 2, RATE), np.float32)
    stems[3] = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    made = stage.foa(stems, RoomResponses([rooms], "train", RATE), 0)
    for start, azimuth in ((0.0, 122.0), (0.5, 179.0), (0.8, -124.0)):
        # Two equal sides: their middle, as short of W as they are wide.
        w, y, _, x = made[:, round(start * RATE) :][:, : RATE // 200]
        assert math.degrees(math.atan2(w @ y, w @ x)) % 360.0 == pytest.approx(azimuth % 360, abs=2)


def scenes_of(excerpts, rooms, protocols):
    return evaluation._Scenes(excerpts, RoomChoice([rooms], "all"), protocols)


def test_stated_scenes_are_the_song_and_its_residuals(excerpts, rooms):
    scenes = scenes_of(excerpts, rooms, ["stated"])
    stems = excerpts.open(stereo=True).excerpt(24)
    cases = {case.stage: case for case in scenes.cases(24)}
    assert list(cases) == ["front", "band", "drawn"]
    left = np.stack([residual_x(0.5 * np.stack([a + b, a - b])) for a, b in stems])
    for case in cases.values():
        np.testing.assert_allclose(case.audio, stems.sum(0), atol=1e-6)
        np.testing.assert_allclose(case.scene.foa[3], case.stage_values @ left, atol=1e-5)
    assert cases["band"].stage_values == (1.0, 1.0, 1.0, -1.0)
    assert list(cases["drawn"].stage_values) == list(scenes.facts(24)["drawn"])
    assert scenes.facts(24)["room"] == "hall"


def recording(received):
    """A system that records its conditions and returns W, Y, and X = W times a factor by seed."""

    def upmix(audio, style):
        received.append((len(audio), style))
        w, y = (audio[0], 0.0 * audio[0]) if len(audio) == 1 else (audio.mean(0), audio[0])
        return np.stack([w, y, 0.0 * w, w / (1.0 + style.seed)])

    return AmbisonicSystem("listening", upmix, True, channels=(1, 2))


def test_rows_contain_all_settings_and_models_receive_the_specified_stages(excerpts, rooms):
    received = []
    systems = (*baseline_systems(RATE), recording(received))
    results = benchmark_ambisonizer(excerpts, systems, rooms=RoomChoice([rooms], "all"), examples=2)
    assert not [row.error for row in results.rows if row.error]
    settings = dict.fromkeys(
        (row.setting["protocol"], row.setting["stage"]) for row in results.rows
    )
    assert list(settings) == [
        ("stated", "front"),
        ("mono", "front"),
        ("stated", "band"),
        ("stated", "drawn"),
        ("random", "rules"),
        ("mono", "rules"),
        ("uniform", "around"),
        ("mono", "around"),
        ("hand", "by hand"),
    ]
    by_setting = {setting: [] for setting in settings}
    for row in results.rows:
        by_setting[row.setting["protocol"], row.setting["stage"]].append(row.system)
    mono, stereo = ["foa-mono", "ambience", "listening"], [x.name for x in systems]
    stereo.remove("foa-mono")
    assert all(
        names == (mono if protocol == "mono" else stereo)
        for (protocol, _), names in by_setting.items()
    )
    drawn = tuple(results.examples[0]["drawn"])
    front, band = (1.0,) * 4, (1.0, 1.0, 1.0, -1.0)
    first = received[: len(received) // 2]
    assert [(n, style.stage) for n, style in first if style.seed == 0] == [
        (2, front), (1, front), (2, band), (2, drawn), (2, MEAN_STAGE), (1, MEAN_STAGE), (2, front),
        (1, front), (2, load_hand_stage().stage),
    ]  # fmt: skip
    assert [style.seed for _, style in first if style.seed] == [1, 2, 1, 2, 1, 2]
    rows = {(row.system, *row.setting.values()): row.values for row in results.rows}
    for protocol, stage in settings:
        if protocol != "mono":
            exact = rows["foa-sides", protocol, stage]
            assert min(exact["downmix_snr"]) > 130.0
            assert min(exact["y_snr"]) > 120.0
            assert exact["x_level"] == (-math.inf,) * 2
    # Without X front and rear are equal; a rule with everything in front has the rear stem wrong.
    assert rows["foa-sides", "stated", "band"]["side_other"] == pytest.approx((50.0,) * 2)
    front = rows["foa-residual, level 1", "stated", "band"]
    assert min(front["side_vocals"]) > 80.0
    assert max(front["side_other"]) < 20.0
    # All ahead is what the rules for plane waves say.
    assert min(rows["foa-residual", "stated", "front"]["front_rear_accuracy"]) > 99.0
    assert max(rows["listening", "stated", "front"]["y_snr"]) < 10.0
    assert set(results.findings["mono"]) == {"front", "rules", "around"}
    assert set(results.findings["mono"]["rules"]) == set(mono)
    text = results.to_markdown()
    assert text.count("| mono |") == 9
    assert text.count("Mono, front, distributions over all examples, ") == 3
    assert Benchmark.from_json(results.to_json()).to_json() == results.to_json()


def test_upmixers_by_name_receive_the_stage_unless_it_is_specified(rng):
    pytest.importorskip("torch")
    stereo = 0.1 * rng.standard_normal((2, 22050))
    names = ["ambisonizer", "ambisonizer:stage=front", "foa-sides"]
    (system, fixed, sides), _ = evaluation.as_ambisonic(names)
    front, rear = (
        system.upmix(stereo, evaluation.Condition(stage)) for stage in ((1.0,) * 4, (-1.0,) * 4)
    )
    np.testing.assert_allclose(front[3], -rear[3], atol=1e-5)
    assert not fixed.uses_style
    np.testing.assert_allclose(fixed.upmix(stereo, None), front, atol=1e-5)
    assert sides.channels == (2,)


def test_loudspeaker_upmixers_and_programs_are_rendered_to_ambisonics(songs, capsys):
    line = ["benchmark", "ambisonizer", "--stems", str(songs), "--split", "all"]
    line += ["--examples", "1", "--seconds", "0.5", "--protocol", "stated", "-u", "matrix"]
    assert main([*line, "--command", "copy@stereo=cp {input} {output}"]) == 0
    text = capsys.readouterr().out
    assert "| matrix |" in text
    assert "| copy |" in text


def test_examples_depend_on_the_seed_only(excerpts, rooms):
    def values(seed):
        found = benchmark_ambisonizer(
            replace(excerpts, seed=seed),
            baseline_systems(RATE)[1:2],
            rooms=RoomChoice([rooms], "all"),
            protocols=["random", "uniform"],
            examples=2,
        )
        return [row.values["x_snr"] for row in found.rows]

    first, again, other = values(3), values(3), values(4)
    assert first == again
    assert first != other
    assert len({*first[0], *first[1]}) == 4


def test_without_rooms_only_protocols_without_rooms_are_run(excerpts):
    results = benchmark_ambisonizer(excerpts, baseline_systems(RATE), examples=1)
    assert {row.setting["protocol"] for row in results.rows} == {"stated", "mono"}
    assert results.settings["rooms"] is None
    only = benchmark_ambisonizer(excerpts, baseline_systems(RATE), protocols=["mono"], examples=1)
    header = only.to_markdown().splitlines()[4]
    assert header.startswith("| protocol | stage | system | diffuseness, % |")
    assert header.endswith("| speed, times real time |")


def test_invalid_arguments_are_refused(excerpts, rooms):
    for wrong, message in (
        ({"protocols": ["all"]}, "unknown protocol"),
        ({"protocols": ["hand"]}, "protocol 'hand' needs rooms"),
        ({"examples": 0}, "examples must be at least 1"),
        ({"rooms": RoomChoice([rooms], "some")}, "unknown split"),
        ({"rooms": RoomChoice([rooms], "valid")}, "no room in the split 'valid'"),
    ):
        with pytest.raises(OptionError, match=message):
            benchmark_ambisonizer(excerpts, (), **wrong)


def test_tables_have_the_rows_that_have_their_metrics():
    metrics = (
        Metric("a", "first", "", "higher", "A."),
        Metric("b", "other", "", "higher", "B.", "T"),
    )
    rows = (Row("one", values={"a": (1.0,)}), Row("two", values={"b": (2.0,)}))
    text = Benchmark("Two", metrics, rows, ({},)).to_markdown()
    first, other = text.split("**T**")
    assert "| one | 1.0 |" in first
    assert "two" not in first
    assert "| two | 2.0 |" in other
    assert "| one" not in other
    alone = Benchmark("Two", metrics, rows[1:], ({},)).to_markdown()
    assert "first" not in alone
    assert "B. Higher" in alone
    assert "| system | first |" in Benchmark("None", metrics, (), ()).to_markdown()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Return a tiny untrained model."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    from dataclasses import asdict

    from spatialkit_models.ambisonizer import Ambisonizer, AmbisonizerConfig
    from spatialkit_models.modules import MaskConfig
    from spatialkit_models.weights import Card, save_weights

    config = AmbisonizerConfig(MaskConfig(group_features=2, width=4, dilations=(1,)))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Ambisonizer(config)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    facts = json.loads(json.dumps(asdict(config)))
    card = Card(model="ambisonizer", architecture="ambisonizer-stage", config=facts)
    save_weights(path, model, card)
    return path


def test_the_command_writes_tables_values_and_a_figure(weights, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    line = ["benchmark", "ambisonizer", "--stems", "procedural", "--examples", "1"]
    line += ["--seconds", "0.5", "--weights", str(weights), "--json", str(tmp_path / "all.json")]
    line += ["--figure", str(tmp_path / "table.png")]
    assert main(line) == 0
    text = capsys.readouterr().out
    results = Benchmark.from_json((tmp_path / "all.json").read_text())
    (model,) = {row.system for row in results.rows if row.system.startswith("ambisonizer")}
    # Three stages in each of four tables, and mono.
    assert text.count(f"| {model} |") == 13
    assert results.settings["systems"][model]["card"]["sha256"]
    rows = {(row.system, *row.setting.values()): row.values for row in results.rows}
    assert min(rows[model, "stated", "drawn"]["downmix_snr"]) > 100.0
    assert min(rows[model, "stated", "drawn"]["y_snr"]) > 100.0
    assert rows[model, "stated", "front"]["x_snr"] != rows[model, "stated", "band"]["x_snr"]
    assert rows[model, "mono", "front"]["mono_diversity"][0] > 0.0
    assert set(results.metrics) == set(METRICS)
    assert (tmp_path / "table.png").read_bytes()[1:4] == b"PNG"

    assert main(line) == 2
    assert "exists: add --force" in capsys.readouterr().err


def test_scenes_on_disk_are_evaluated(tmp_path, capsys):
    """Oracle: Y is exact for all that keep L - R; the front half of noise in X is not in stereo."""
    rng = np.random.default_rng(0)
    for name in "ab":
        write_wxy(tmp_path / "scenes" / "val" / name, 0.1 * rng.standard_normal((3, 22050)), 44100)
    line = ["benchmark", "ambisonizer", "--scenes", str(tmp_path / "scenes"), "--examples", "2"]
    facts = tmp_path / "facts.json"
    assert main([*line, "--seconds", "0.5", "--json", str(facts)]) in (0, 1)
    results = Benchmark.from_json(facts.read_text())
    assert [example["scene"] for example in results.examples] in (["a", "b"], ["b", "a"])
    rows = {row.system: row for row in results.rows}
    assert dict(rows["foa-sides"].setting) == {"protocol": "files", "stage": "front"}
    assert min(rows["foa-sides"].values["y_snr"]) > 100.0
    assert max(rows["foa-sides"].values["x_snr"]) < 1.0
    assert results.settings["normalization"] == "N3D"
    assert "| foa-sides |" in capsys.readouterr().out
    for arguments, message in (
        ([*line, "--stems", "procedural"], "--scenes excludes --stems, --excerpts"),
        (line[:2], "--stems is missing: pass songs with stems, or --scenes"),
    ):
        assert main(arguments) == 2
        assert message in capsys.readouterr().err


def test_the_command_reports_invalid_arguments(tmp_path, capsys):
    line = ["benchmark", "ambisonizer", "--stems", "procedural", "--protocol", "hand"]
    assert main(line) == 2
    assert "protocol 'hand' needs rooms" in capsys.readouterr().err
    assert main([*line, "--rooms", str(tmp_path)]) == 2
    assert "contains no response" in capsys.readouterr().err


def test_the_command_evaluates_stems_with_leakage(songs, tmp_path, capsys):
    pytest.importorskip("torch")
    line = ["benchmark", "ambisonizer", "--stems", str(songs), "--split", "all", "-u", "foa-sides"]
    line += ["--starts", "0.5", "--seconds", "1"]
    path = tmp_path / "all.json"
    assert main([*line, "--stem-sdr", "6", "--stem-sdr", "20", "--json", str(path)]) == 0
    rows = {
        (row["system"], row["setting"]["stage"]): row["values"]
        for row in json.loads(path.read_text())["rows"]
        if row["setting"]["protocol"] == "stated"
    }
    better, worse = (rows[f"ambisonizer, stems at {sdr} dB", "band"] for sdr in (20, 6))
    assert min(better["x_snr"]) > max(worse["x_snr"]) > 0.0
    assert main([*line, "--stem-sdr", "nan"]) == 2
    assert "SDR of stems must be" in capsys.readouterr().err
    assert main([*line, "--protocol", "mono", "--stem-sdr", "6"]) == 2
    assert "--stem-sdr needs --protocol stated" in capsys.readouterr().err


def test_missing_weights_are_named(tmp_path, capsys):
    pytest.importorskip("torch")
    line = ["benchmark", "ambisonizer", "--stems", "procedural", "--protocol", "stated"]
    assert main([*line, "--weights", str(tmp_path / "no.safetensors")]) == 2
    assert "no.safetensors" in capsys.readouterr().err


def test_the_command_accepts_all_protocols(capsys):
    assert main(["benchmark", "ambisonizer", "--help"]) == 0
    assert f"[{'|'.join(PROTOCOLS)}]" in capsys.readouterr().out


def test_it_is_named_in_the_entry_points():
    setup = Path(__file__).parents[3] / "setup.cfg"
    if not setup.exists():
        pytest.skip("runs in the source tree")
    named = "    ambisonizer = spatialkit_models.commands.benchmark_ambisonizer:ambisonizer\n"
    assert named in setup.read_text().split("\nspatialkit.benchmarks =\n")[1]


def test_margins_are_paired_with_the_best_by_each_metric():
    metrics = [
        Metric("x_snr", "SNR", "dB", "higher", ""),
        Metric("direction_error", "direction", "degrees", "lower", ""),
    ]
    rows = []
    for stage, shift in (("front", 0.0), ("band", 2.0)):
        for name, snr, direction in (
            ("loud", (1.0, 3.0), (20.0, 30.0)),
            ("soft", (0.0, 0.0), (10.0, 20.0)),
            ("net", (4.0, 5.0 + shift), (9.0, 21.0)),
            ("broken", None, None),
        ):
            values = {} if snr is None else {"x_snr": snr, "direction_error": direction}
            setting = {"protocol": "stated", "stage": stage}
            rows.append(Row(name, setting, values, error="" if values else "it failed"))
    found = {
        (margin.stage, margin.metric): margin
        for margin in margins(Benchmark("", tuple(metrics), tuple(rows)), ["net"])
    }
    assert set(found) == {
        (stage, metric)
        for stage in ("front", "band", "all")
        for metric in ("x_snr", "direction_error")
    }
    for stage, mean in (("front", 2.5), ("band", 3.5), ("all", 3.0)):
        margin = found[stage, "x_snr"]
        assert (margin.baseline, margin.difference.mean) == ("loud", mean)
    # Differences of 3 and 2: the means of all samples of two are within them.
    difference = found["front", "x_snr"].difference
    assert (difference.low, difference.high) == (2.0, 3.0)
    margin = found["all", "direction_error"]
    assert (margin.baseline, margin.difference.mean) == ("soft", 0.0)


def test_margins_of_a_model_do_not_need_the_others_and_one_example_has_no_interval():
    metric = Metric("x_snr", "SNR", "dB", "higher", "")
    setting = {"protocol": "random", "stage": "rules"}
    rows = (
        Row("loud", setting, {"x_snr": (math.nan, 1.0)}),
        Row("soft", setting, {"x_snr": (math.nan, 0.0)}),
        Row("net", setting, {"x_snr": (math.nan, 3.0)}),
        Row("broken", setting, error="it failed"),
    )
    (found,) = margins(Benchmark("", (metric,), rows), ["broken", "net"])
    assert found.sentence(metric) == "SNR +2.0 dB against loud"


def test_stems_of_stated_scenes_are_nearer_to_their_directions_by_dirac(excerpts):
    """X of foa-residual at level 1 is that of the scene on the stage "front"."""
    systems = [one for one in baseline_systems(RATE) if one.name == "foa-residual, level 1"]
    results = benchmark_ambisonizer(
        excerpts, systems, protocols=["stated"], examples=1, layout="7.1.4"
    )
    (front,) = [row for row in results.rows if row.setting["stage"] == "front"]
    (linear,), (sharp,) = front.values["stems_allrad"], front.values["stems_dirac"]
    assert sharp < linear
    assert results.settings["layout"] == "7.1.4"
    with pytest.raises(OptionError, match="layout needs the protocol 'stated'"):
        benchmark_ambisonizer(excerpts, systems, protocols=["mono"], layout="7.1.4")


def test_the_command_decodes_only_stated_scenes(songs, capsys):
    command = ["benchmark", "ambisonizer", "--stems", str(songs), "--layout", "7.1.4"]
    assert main([*command, "--protocol", "mono"]) == 2
    assert "--layout needs --protocol stated" in capsys.readouterr().err
