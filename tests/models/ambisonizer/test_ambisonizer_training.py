"""Training the Ambisonizer: its tasks, what validation measures, and the command."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytest.importorskip("lightning_fabric")
pytest.importorskip("tensorboard")

from importlib.metadata import EntryPoint

from spatialkit import encode_foa, write
from spatialkit.__main__ import main
from spatialkit.commands import GROUP, plugins
from spatialkit_models.ambisonizer import (
    Ambisonizer,
    AmbisonizerConfig,
    ambisonizer_task,
    build_ambisonizer,
    training_task,
)
from spatialkit_models.ambisonizer.published import PublishedConfig
from spatialkit_models.ambisonizer.published import training_task as published_training_task
from spatialkit_models.commands.train import SUITED
from spatialkit_models.data.scenes import combined
from spatialkit_models.modules import MaskConfig
from spatialkit_models.style_vae import FastConfig, FastStyleVAE
from spatialkit_models.weights import Card, load_weights, save_weights

RATE = 8000
MASKS = MaskConfig(
    sample_rate=RATE,
    n_fft=512,
    hop_length=128,
    regions=((32, 1), (32, 2), (16, 8)),
    band=4,
    band_features=4,
    width=16,
    dilations=(1, 2),
)
STAGE = AmbisonizerConfig(masks=MASKS, loss_frames=16, seconds=0.4, sounding=1)
UNIFORM = dataclasses.replace(STAGE, mixes=0.0, staged=0.0, uniform=1.0)
PUBLISHED = PublishedConfig(
    latent_size=4,
    filters=4,
    lstm_layers=1,
    transformer_layers=1,
    transformer_heads=2,
    transformer_hidden=8,
    reduction=2,
    sample_rate=RATE,
)
PROCEDURAL = [("procedural", 1.0)]
ALSO = ["--batch-size", "4", "--workers", "0", "--device", "cpu"]


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    presets = {"stage": STAGE, "uniform": UNIFORM, "published": PUBLISHED}
    monkeypatch.setattr(training_task, "PRESETS", presets)
    monkeypatch.setattr(training_task, "CALIBRATION", 4)
    monkeypatch.setattr(training_task, "VALIDATION_SECONDS", 0.6)
    monkeypatch.setattr(training_task, "VALIDATION_SCENES", 4)
    monkeypatch.setattr(published_training_task, "VALIDATION_SCENES", 1)
    monkeypatch.setattr(published_training_task, "RUN_IN", 0.0)
    entry = EntryPoint("train", "spatialkit_models.commands.train:command", GROUP)
    monkeypatch.setattr(plugins, "find_plugins", lambda group: {"train": entry})
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """Two rooms whose responses are one reflection, from aside, after the direct sound."""
    root = tmp_path_factory.mktemp("rooms")
    for part in ("train", "valid"):
        (root / part).mkdir()
        direct, later = np.eye(1, 400)[0], np.eye(1, 400, 120)[0]
        response = encode_foa(direct, 30.0) + 0.3 * encode_foa(later, -100.0)
        write(root / part / f"{part}-hall.wav", response, RATE, format="ambix1")
    return root


def best(run):
    return load_weights(run / "best.safetensors", "ambisonizer", build_ambisonizer)


@pytest.mark.parametrize("config", [STAGE, UNIFORM])
def test_a_task_on_songs(rooms, config):
    before = torch.get_rng_state()
    task = ambisonizer_task(config, PROCEDURAL, [rooms], batch_size=2, seed=1)
    assert torch.equal(before, torch.get_rng_state())
    assert task.examples.seconds == config.seconds
    batch = {name: torch.from_numpy(x) for name, x in task.examples.batch(0, 2).items()}
    loss, parts = task.loss(task.model, batch, 0.5)
    assert loss.requires_grad
    assert torch.isfinite(loss)
    assert set(parts) == {"error", "intensity", "masks"}
    assert not any(part.requires_grad for part in parts.values())
    again = ambisonizer_task(config, PROCEDURAL, [rooms], batch_size=2, seed=1)
    for one, other in zip(
        task.model.state_dict().values(), again.model.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)


def test_mixes_need_no_rooms():
    config = dataclasses.replace(STAGE, staged=0.0, uniform=0.0)
    task = ambisonizer_task(config, PROCEDURAL)
    with torch.no_grad():
        assert np.isfinite(task.validate(task.model.eval())["score"])


class Oracle(torch.nn.Module):
    """A model that knows the answers, and gives them times a gain."""

    def __init__(self, task, gain):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(gain))
        self.spectra = task.model.spectra
        truth = combined(task.validation["stems"], task.validation["stage"])
        x = self.spectra(torch.from_numpy(truth[:, 2:]))[:, :, 0]
        self.answers, self.told = list(x.split(1)), []

    def front(self, pair, stage):
        self.told.append(stage[0].numpy())
        return self.gain * self.answers[len(self.told) - 1]


def test_validation_figures_of_known_errors(rooms):
    task = ambisonizer_task(STAGE, PROCEDURAL, [rooms])
    oracle = Oracle(task, 0.9)
    with torch.no_grad():
        figures = task.validate(oracle)
    assert figures["snr"] == pytest.approx(20.0, abs=0.01)
    assert figures["level"] == pytest.approx(20.0 * np.log10(0.9), abs=0.01)
    assert figures["score"] == figures["snr"]
    np.testing.assert_array_equal(oracle.told, task.validation["expected"])


def test_seconds_of_training_on_procedural_stems_improve_validation(tmp_path, rooms):
    run = tmp_path / "run"
    line = ["train", "ambisonizer", "--stems", "procedural", "--rooms", str(rooms)]
    more = ["--steps", "60", "--warmup", "5", "--learning-rate", "1e-2", "--validate-every", "60"]
    assert main([*line, *more, "--out", str(run), *ALSO]) == 0
    rows = [json.loads(row) for row in (run / "log.jsonl").read_text().splitlines()]
    scores = [row["validation/score"] for row in rows if "validation/score" in row]
    assert len(scores) == 2
    assert scores[1] > scores[0] + 0.3
    model, card = best(run)
    assert isinstance(model, Ambisonizer)
    assert model.config == STAGE
    assert set(card.figures) == {"snr", "level", "score"}
    settings = json.loads((run / "config.json").read_text())
    assert settings["sources"]["rooms"] == [str(rooms)]


def test_presets_and_starts(tmp_path, rooms):
    line = ["train", "ambisonizer", "--stems", "procedural", "--rooms", str(rooms), *ALSO]
    first = tmp_path / "first"
    assert main([*line, "--preset", "uniform", "--steps", "1", "--out", str(first)]) == 0
    model, _ = best(first)
    assert model.config == UNIFORM
    start = ["--start", str(first / "best.safetensors")]
    assert main([*line, *start, "--steps", "1", "--out", str(tmp_path / "second")]) == 0
    assert best(tmp_path / "second")[0].config == UNIFORM


def test_masks_of_a_style_vae_are_a_start(tmp_path, rooms):
    torch.manual_seed(5)
    vae = FastStyleVAE(FastConfig(masks=MASKS, latent_size=4, hidden=8))
    path = tmp_path / "vae.safetensors"
    save_weights(path, vae, Card(model="style-vae", config=dataclasses.asdict(vae.config)))
    line = ["train", "ambisonizer", "--stems", "procedural", "--rooms", str(rooms), *ALSO]
    run = tmp_path / "run"
    more = ["--learning-rate", "0", "--steps", "1", "--out", str(run)]
    assert main([*line, "--start", str(path), *more]) == 0
    model, _ = best(run)
    for name, tensor in vae.masks.state_dict().items():
        torch.testing.assert_close(model.masks.state_dict()[name], tensor)


def test_the_published_network_by_its_authors_recipe(tmp_path, rooms, monkeypatch):
    train_published = published_training_task.PublishedTraining
    short = train_published(seconds=0.3)
    monkeypatch.setattr(
        published_training_task.published_task, "__kwdefaults__",
        {**published_training_task.published_task.__kwdefaults__, "training": short},
    )  # fmt: skip
    line = ["train", "ambisonizer", "--stems", "procedural", "--rooms", str(rooms), *ALSO]
    run = tmp_path / "run"
    assert main([*line, "--preset", "published", "--steps", "1", "--out", str(run)]) == 0
    assert best(run)[0].config == PUBLISHED
    settings = json.loads((run / "config.json").read_text())["training"]
    wanted = {**SUITED["published"], "batch_size": 4}
    assert {name: settings[name] for name in wanted} == wanted
    again = ["--start", str(run / "best.safetensors"), "--steps", "1"]
    assert main([*line, *again, "--out", str(tmp_path / "again")]) == 0
    settings = json.loads((tmp_path / "again" / "config.json").read_text())["training"]
    assert settings["learning_rate"] == SUITED["published"]["learning_rate"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rooms", "nowhere"], "nowhere"),
        ([], "there is no room"),
        (["--rooms", "ROOMS", "--room-format", "fuma9"], "fuma9"),
        (["--rooms", "ROOMS", "--start", "a.safetensors"], "a.safetensors cannot be read"),
    ],
)
def test_what_cannot_be_is_said(options, said, tmp_path, rooms, capsys):
    options = [option.replace("ROOMS", str(rooms)) for option in options]
    line = ["train", "ambisonizer", "--stems", "procedural", "--steps", "1", *options, *ALSO]
    assert main([*line, "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not (tmp_path / "run").exists()


def test_configs_come_back_from_json():
    for config in (STAGE, UNIFORM, AmbisonizerConfig()):
        told = json.loads(json.dumps(dataclasses.asdict(config)))
        assert build_ambisonizer(told).config == config
