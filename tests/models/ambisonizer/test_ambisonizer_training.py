"""Training of the Ambisonizer: tasks, validation and the command."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

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
    RECIPES,
    Ambisonizer,
    AmbisonizerConfig,
    ambisonizer_task,
    training_task,
)
from spatialkit_models.ambisonizer.published import PublishedConfig, published_task
from spatialkit_models.ambisonizer.published import training_task as published_training_task
from spatialkit_models.commands import train_models as train_command
from spatialkit_models.data.scenes import mix_stage
from spatialkit_models.modules import MaskConfig
from spatialkit_models.style_vae import FastConfig, FastStyleVAE
from spatialkit_models.training import train
from spatialkit_models.weights import ARCHITECTURES, Card, load_weights, save_weights

RATE = 8000
MASKS = MaskConfig(
    sample_rate=RATE,
    n_fft=512,
    hop_length=128,
    regions=((32, 1), (32, 2), (16, 8)),
    bands_per_group=4,
    group_features=4,
    width=16,
    dilations=(1, 2),
)
STAGE = AmbisonizerConfig(masks=MASKS)
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
SMALL = {
    name: replace(
        RECIPES[name],
        network=STAGE,
        scenes=replace(RECIPES[name].scenes, seconds=0.4, min_active=1),
        loss=replace(RECIPES[name].loss, frames=16),
    ).with_training(batch_size=2)
    for name in ("stage", "uniform")
}
SMALL["published"] = replace(
    RECIPES["published"],
    network=PUBLISHED,
    scenes=replace(RECIPES["published"].scenes, seconds=0.3),
)
PROCEDURAL = [("procedural", 1.0)]
ALSO = ["--batch-size", "4", "--workers", "0", "--device", "cpu"]


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(train_command, "AMBISONIZER_RECIPES", SMALL)
    monkeypatch.setattr(training_task, "CALIBRATION_SCENES", 4)
    monkeypatch.setattr(training_task, "VALIDATION_SECONDS", 0.6)
    monkeypatch.setattr(training_task, "VALIDATION_SCENES", 4)
    monkeypatch.setattr(published_training_task, "VALIDATION_SCENES", 1)
    monkeypatch.setattr("spatialkit_models.data.scenes.published.RUN_IN", 0.0)
    entry = EntryPoint("train", "spatialkit_models.commands.train:command", GROUP)
    monkeypatch.setattr(plugins, "find_plugins", lambda group: {"train": entry})
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """Two rooms whose responses are one lateral reflection after the direct sound."""
    root = tmp_path_factory.mktemp("rooms")
    for part in ("train", "valid"):
        (root / part).mkdir()
        direct, later = np.eye(1, 400)[0], np.eye(1, 400, 120)[0]
        response = encode_foa(direct, 30.0) + 0.3 * encode_foa(later, -100.0)
        write(root / part / f"{part}-hall.wav", response, RATE, format="ambix1")
    return root


def best(run):
    return load_weights(run / "best.safetensors", "ambisonizer")


@pytest.mark.parametrize("name", ["stage", "uniform"])
def test_a_task_on_songs(rooms, name):
    before = torch.get_rng_state()
    recipe = SMALL[name].with_training(seed=1)
    task = ambisonizer_task(recipe, PROCEDURAL, [rooms])
    assert torch.equal(before, torch.get_rng_state())
    assert task.examples.seconds == recipe.scenes.seconds
    batch = {name: torch.from_numpy(x) for name, x in task.examples.batch(0, 2).items()}
    loss, parts = task.loss(batch, 0.5)
    assert loss.requires_grad
    assert torch.isfinite(loss)
    assert set(parts) == {"error", "intensity", "masks"}
    assert not any(part.requires_grad for part in parts.values())
    again = ambisonizer_task(recipe, PROCEDURAL, [rooms])
    for one, other in zip(
        task.network.state_dict().values(), again.network.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)


def test_mixes_need_no_rooms():
    scenes = replace(SMALL["stage"].scenes, staged=0.0, uniform=0.0)
    task = ambisonizer_task(replace(SMALL["stage"], scenes=scenes), PROCEDURAL)
    with torch.no_grad():
        assert np.isfinite(task.validate(task.network.eval())["score"])


class Oracle(torch.nn.Module):
    """Oracle that returns the reference times a gain."""

    def __init__(self, task, gain):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(gain))
        self.stft = task.network.stft
        truth = mix_stage(task.validation["stems"], task.validation["stage"])
        x = self.stft(torch.from_numpy(truth[:, 2:]))[:, :, 0]
        self.answers, self.conditions = list(x.split(1)), []

    def forward(self, pair, stage):
        self.conditions.append(stage[0].numpy())
        return self.gain * self.answers[len(self.conditions) - 1]


def test_validation_metrics_of_known_errors(rooms):
    task = ambisonizer_task(SMALL["stage"], PROCEDURAL, [rooms])
    oracle = Oracle(task, 0.9)
    with torch.no_grad():
        figures = task.validate(oracle)
    assert figures["snr"] == pytest.approx(20.0, abs=0.01)
    assert figures["level"] == pytest.approx(20.0 * np.log10(0.9), abs=0.01)
    assert figures["score"] == figures["snr"]
    np.testing.assert_array_equal(oracle.conditions, task.validation["expected"])


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
    model, card = best(first)
    assert model.config == STAGE
    assert (card.architecture, card.recipe["name"]) == ("ambisonizer-stage", "uniform")
    start = ["--start", str(first / "best.safetensors")]
    assert main([*line, *start, "--steps", "1", "--out", str(tmp_path / "second")]) == 0
    _, again = best(tmp_path / "second")
    assert again.recipe["scenes"] == card.recipe["scenes"]
    assert again.recipe["scenes"]["mixes"] == 0.0


def test_a_new_network_can_start_with_the_masks_of_a_style_vae(tmp_path, rooms):
    torch.manual_seed(5)
    vae = FastStyleVAE(FastConfig(masks=MASKS, latent_size=4, hidden=8))
    path = tmp_path / "vae.safetensors"
    save_weights(
        path, vae, Card(model="style-vae", architecture="style-vae-fast", config=asdict(vae.config))
    )
    line = ["train", "ambisonizer", "--stems", "procedural", "--rooms", str(rooms), *ALSO]
    run = tmp_path / "run"
    more = ["--learning-rate", "0", "--steps", "1", "--out", str(run)]
    assert main([*line, "--start", str(path), *more]) == 0
    model, _ = best(run)
    for name, tensor in vae.masks.state_dict().items():
        torch.testing.assert_close(model.masks.state_dict()[name], tensor)


def test_the_published_network_by_its_authors_recipe(tmp_path, rooms):
    line = ["train", "ambisonizer", "--stems", "procedural", "--rooms", str(rooms), *ALSO]
    run = tmp_path / "run"
    assert main([*line, "--preset", "published", "--steps", "1", "--out", str(run)]) == 0
    assert best(run)[0].config == PUBLISHED
    settings = json.loads((run / "config.json").read_text())["training"]
    wanted = {"learning_rate": 5e-5, "clip": 2.0, "precision": "float32", "batch_size": 4}
    assert {name: settings[name] for name in wanted} == wanted
    assert RECIPES["published"].training.batch_size == 32
    again = ["--start", str(run / "best.safetensors"), "--steps", "1"]
    assert main([*line, *again, "--out", str(tmp_path / "again")]) == 0
    settings = json.loads((tmp_path / "again" / "config.json").read_text())["training"]
    assert settings["learning_rate"] == 5e-5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rooms", "nowhere"], "nowhere"),
        ([], "no rooms: pass directories of room responses"),
        (["--rooms", "ROOMS", "--room-format", "fuma9"], "fuma9"),
        (["--rooms", "ROOMS", "--start", "a.safetensors"], "a.safetensors cannot be read"),
    ],
)
def test_invalid_options_are_refused(options, message, tmp_path, rooms, capsys):
    options = [option.replace("ROOMS", str(rooms)) for option in options]
    line = ["train", "ambisonizer", "--stems", "procedural", "--steps", "1", *options, *ALSO]
    assert main([*line, "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", RECIPES)
def test_python_and_the_command_line_train_by_the_same_numbers(name, tmp_path, rooms):
    line = ["train", "ambisonizer", "--stems", "procedural", "--rooms", str(rooms)]
    more = ["--steps", "1", "--preset", name, *ALSO, "--out", str(tmp_path / "command")]
    assert main([*line, *more]) == 0
    create = published_task if name == "published" else ambisonizer_task
    recipe = SMALL[name].with_training(steps=1, batch_size=4)
    train(create(recipe, PROCEDURAL, [rooms]), tmp_path / "python", workers=0, device="cpu")
    command, python = (
        json.loads((tmp_path / run / "config.json").read_text()) for run in ("command", "python")
    )
    assert command == python


def test_configs_are_unchanged_by_json():
    for config in (STAGE, AmbisonizerConfig()):
        stored = json.loads(json.dumps(asdict(config)))
        assert ARCHITECTURES["ambisonizer-stage"].build(stored).config == config
