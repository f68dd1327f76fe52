"""Training of the style-transfer VAE: tasks, validation and the command."""

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

from spatialkit import downmix, write
from spatialkit.__main__ import main
from spatialkit.commands import GROUP, plugins
from spatialkit.errors import OptionError
from spatialkit_models.commands import train_models as train_command
from spatialkit_models.data.scenes import FiveChannelExcerpts, mix
from spatialkit_models.modules import Covariance, MaskConfig
from spatialkit_models.modules.wiener_filters import pan
from spatialkit_models.style_vae import (
    RECIPES,
    FastConfig,
    FastStyleVAE,
    PaperConfig,
    PaperStyleVAE,
    RecordedScenes,
    StyleTask,
    style_task,
    training_task,
)
from spatialkit_models.training import train
from spatialkit_models.weights import ARCHITECTURES, load_weights

RATE = 8000
FAST = FastConfig(
    masks=MaskConfig(
        sample_rate=RATE,
        n_fft=512,
        hop_length=128,
        regions=((32, 1), (32, 2), (16, 8)),
        bands_per_group=4,
        group_features=4,
        width=16,
        dilations=(1, 2),
    ),
    latent_size=8,
    hidden=16,
)
PAPER = PaperConfig(
    sample_rate=RATE,
    n_fft=64,
    hop_length=16,
    latent_size=6,
    growth=2,
    convolutions=2,
    blocks=2,
    transition_channels=3,
)
SMALL = {
    "fast": replace(
        RECIPES["fast"],
        network=FAST,
        scenes=replace(RECIPES["fast"].scenes, seconds=0.3, min_active=1),
        loss=replace(RECIPES["fast"].loss, frames=8),
    ).with_training(batch_size=2),
    "paper": replace(
        RECIPES["paper"],
        network=PAPER,
        scenes=replace(RECIPES["paper"].scenes, seconds=0.1),
    ).with_training(batch_size=2),
}
ALSO = ["--batch-size", "2", "--workers", "0", "--device", "cpu"]


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(train_command, "STYLE_RECIPES", SMALL)
    monkeypatch.setattr(training_task, "CALIBRATION_SCENES", 4)
    monkeypatch.setattr(training_task, "VALIDATION_SECONDS", 0.5)
    monkeypatch.setattr(training_task, "VALIDATION_SCENES", 2)
    entry = EntryPoint("train", "spatialkit_models.commands.train:command", GROUP)
    monkeypatch.setattr(plugins, "find_plugins", lambda group: {"train": entry})
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """A folder of six short songs of noise, two of them for validation."""
    root = tmp_path_factory.mktemp("songs")
    rng = np.random.default_rng(3)
    for number in range(6):
        folder = root / ("valid" if number < 2 else "train") / f"song{number}"
        folder.mkdir(parents=True)
        for stem in ("vocals", "drums", "bass", "other"):
            noise = 0.1 * rng.standard_normal((1, RATE))
            write(folder / f"{stem}.wav", noise, RATE)
    return root


@pytest.fixture(scope="module")
def concerts(tmp_path_factory):
    """A folder with a recording in 5.1."""
    root = tmp_path_factory.mktemp("concerts")
    noise = 0.1 * np.random.default_rng(4).standard_normal((6, RATE))
    write(root / "noise.wav", noise, RATE, format="5.1")
    return root


def best(run):
    return load_weights(run / "best.safetensors", "style-vae")


# Tasks.


@pytest.mark.parametrize(("name", "network"), [("fast", FastStyleVAE), ("paper", PaperStyleVAE)])
def test_a_task_on_songs(songs, name, network):
    before = torch.get_rng_state()
    recipe = SMALL[name].with_training(seed=1)
    task = style_task(recipe, [(songs, 1.0)])
    assert torch.equal(before, torch.get_rng_state())
    assert isinstance(task.network, network)
    assert task.examples.seconds == recipe.scenes.seconds
    assert task.datasets == [{"name": str(songs), "songs": {"train": 4, "valid": 2}}]
    batch = {name: torch.from_numpy(x) for name, x in task.examples.batch(0, 2).items()}
    # The paper takes the style from the target itself, the fast model from other songs.
    alone = torch.equal(batch["stems"], batch["style_stems"])
    assert alone == (name == "paper")
    loss, parts = task.loss(batch, 0.5)
    assert torch.isfinite(loss)
    assert loss.requires_grad
    assert "loss" not in parts
    assert not any(part.requires_grad for part in parts.values())
    again = style_task(recipe, [(songs, 1.0)])
    for one, other in zip(
        task.network.state_dict().values(), again.network.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)


def test_masks_start_at_the_prior_of_the_songs(songs):
    task = style_task(SMALL["fast"], [(songs, 1.0)])
    model = task.network
    prior = model.masks.log_prior.exp()
    # Shares sum to 1 where anything sounds, as noise does everywhere.
    np.testing.assert_allclose(prior.sum(0), 1.0, atol=1e-2)
    assert (prior.mean(1) > 0.1).all()
    scene = task.validation
    stereo = mix(torch.from_numpy(scene["stems"]), torch.from_numpy(scene["seed_gains"]))
    seen = model.masks.features(Covariance.of(model.stft(stereo), model.resolution))
    assert abs(((seen - model.masks.feature_mean) * model.masks.feature_scale).mean()) < 0.5


class Oracle(torch.nn.Module):
    """Oracle that returns the reference times a gain."""

    def __init__(self, task, gain):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(gain))
        self.stft = task.network.stft
        scene = {name: torch.from_numpy(x) for name, x in task.validation.items()}
        stems = self.stft(scene["stems"])
        self.answers = list(pan(stems, scene["gains"]).split(1))
        self.asked = 0

    def forward(self, stereo, style):
        self.asked += 1
        return self.gain * self.answers[self.asked - 1]


def test_validation_metrics_of_known_errors(songs):
    task = style_task(SMALL["fast"], [(songs, 1.0)])
    with torch.no_grad():
        figures = task.validate(Oracle(task, 0.9))
    # The error is a tenth of the target, in its directions.
    assert figures["snr"] == pytest.approx(20.0, abs=0.01)
    assert figures["level"] == pytest.approx(20.0 * np.log10(0.9), abs=0.01)
    assert figures["score"] == pytest.approx(figures["snr"] - figures["angle"] / 10.0)


def test_recordings_are_scenes_of_channels(concerts):
    recordings = FiveChannelExcerpts(concerts, 0.2, RATE)
    scenes = RecordedScenes(recordings)
    scene = scenes.scenes(range(2))
    five = recordings.batch(0, 2)["five"]
    np.testing.assert_array_equal(mix(scene["stems"], scene["gains"]), five)
    np.testing.assert_array_equal(mix(scene["style_stems"], scene["style_gains"]), five)
    stereo = mix(scene["stems"], scene["seed_gains"])
    expected = [downmix(item, "5.0", "stereo", method="sum") for item in five]
    np.testing.assert_allclose(stereo, expected, atol=1e-6)
    assert scenes.seconds == 0.2


def test_a_new_fast_network_cannot_be_trained_on_recordings(songs, concerts):
    with pytest.raises(OptionError, match="recordings have no stems, which a new fast"):
        style_task(SMALL["fast"], [(songs, 1.0)], recordings=concerts)


def test_a_task_that_trains_a_network_further(songs, concerts):
    model = FastStyleVAE(FAST)
    task = style_task(SMALL["fast"], [(songs, 1.0)], start=model, recordings=concerts)
    assert isinstance(task, StyleTask)
    assert task.network is model
    batch = {name: torch.from_numpy(x) for name, x in task.examples.batch(0, 2).items()}
    loss, parts = task.loss(batch, 0.0)
    assert torch.isfinite(loss)
    assert set(parts) == {"snr", "divergence", "auxiliary"}


# The command.


def test_the_command_trains_on_procedural_stems(tmp_path):
    run = tmp_path / "run"
    line = ["train", "style-vae", "--stems", "procedural", "--out", str(run), "--steps", "2"]
    assert main([*line, *ALSO]) == 0
    model, card = best(run)
    assert isinstance(model, FastStyleVAE)
    assert model.config == FAST
    assert set(card.figures) == {"snr", "angle", "level", "score"}
    training = json.loads((run / "config.json").read_text())["training"]
    assert training["learning_rate"] == 3e-3


def test_the_paper_and_then_recordings(tmp_path, songs, concerts):
    first, second = tmp_path / "first", tmp_path / "second"
    line = ["train", "style-vae", "--stems", f"{songs}:2", *ALSO]
    assert main([*line, "--preset", "paper", "--steps", "1", "--out", str(first)]) == 0
    model, _ = best(first)
    assert model.config == PAPER
    settings = json.loads((first / "config.json").read_text())["training"]
    assert (settings["learning_rate"], settings["weight_decay"]) == (5e-3, 0.0)
    start = ["--start", str(first / "best.safetensors"), "--recordings", str(concerts)]
    assert main([*line, *start, "--steps", "1", "--out", str(second)]) == 0
    tuned, _ = best(second)
    assert tuned.config == PAPER
    settings = json.loads((second / "config.json").read_text())["training"]
    assert settings["learning_rate"] == 5e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--steps", "1", "--stems", "nowhere:2"], "nowhere"),
        (["--steps", "1", "--stems", "SONGS:-1"], "must be a number above 0"),
        (["--stems", "SONGS"], "the length of the training is missing: specify steps or minutes"),
        (["--steps", "1", "--stems", "SONGS", "--split", "song9=test"], "splits contains 'song9'"),
        (["--steps", "1", "--stems", "SONGS", "--split", "song1=tset"], "'tset'"),
        (["--steps", "1", "--stems", "SONGS", "--split", "song1"], "expected SONG=SPLIT, such as"),
        (
            ["--steps", "1", "--stems", "SONGS", "--preset", "fast", "--start", "a.safetensors"],
            "--start and --preset are mutually exclusive",
        ),
        (
            ["--steps", "1", "--stems", "SONGS", "--start", "a.safetensors"],
            "a.safetensors cannot be read",
        ),
        (["--steps", "1", "--stems", "SONGS", "--recordings", "nowhere"], "nowhere"),
        (["--steps", "1"], "--stems"),
    ],
)
def test_invalid_options_are_refused(options, message, tmp_path, songs, capsys):
    options = [option.replace("SONGS", str(songs)) for option in options]
    assert main(["train", "style-vae", *options, "--out", str(tmp_path / "run"), *ALSO]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", RECIPES)
def test_python_and_the_command_line_train_by_the_same_numbers(name, tmp_path, songs):
    line = ["train", "style-vae", "--stems", str(songs), "--steps", "1", "--preset", name]
    assert main([*line, *ALSO, "--out", str(tmp_path / "command")]) == 0
    task = style_task(SMALL[name].with_training(steps=1), [(songs, 1.0)])
    train(task, tmp_path / "python", workers=0, device="cpu")
    command, python = (
        json.loads((tmp_path / run / "config.json").read_text()) for run in ("command", "python")
    )
    assert command == python
    _, card = best(tmp_path / "python")
    assert card.recipe["training"] == python["training"]


def test_recipes_have_the_published_optimizer():
    """The paper trains by Adam at 5e-3 (ICASSP 2022, section 4)."""
    paper = RECIPES["paper"].training
    assert (paper.learning_rate, paper.weight_decay, paper.batch_size) == (5e-3, 0.0, 8)
    assert RECIPES["fast"].training.learning_rate == 3e-3


@pytest.mark.parametrize("config", [FAST, PAPER, FastConfig(), PaperConfig()])
def test_configs_are_unchanged_by_json(config):
    architecture = "style-vae-fast" if isinstance(config, FastConfig) else "style-vae-paper"
    stored = json.loads(json.dumps(asdict(config)))
    assert ARCHITECTURES[architecture].build(stored).config == config
