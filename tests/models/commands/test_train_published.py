"""The networks of the papers, trained by the command line: interruption, scenes on disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytest.importorskip("lightning_fabric")
pytest.importorskip("tensorboard")

from spatialkit.__main__ import main
from spatialkit.benchmarks import Benchmark
from spatialkit_models import ambisonizer, style_vae
from spatialkit_models.ambisonizer.published import PublishedConfig, PublishedTask
from spatialkit_models.ambisonizer.published import training_task as published_training
from spatialkit_models.data.scenes import write_wxy
from spatialkit_models.style_vae import PaperConfig, training_task
from spatialkit_models.training import loop
from spatialkit_models.weights import ARCHITECTURES, Card, read_tensors, save_weights

RATE = 8000
SMALL = {
    "style-vae": (
        style_vae.RECIPES["paper"],
        PaperConfig(RATE, latent_size=4, growth=4, convolutions=1, blocks=2, transition_channels=4),
    ),
    "ambisonizer": (
        ambisonizer.RECIPES["published"],
        PublishedConfig(
            latent_size=8,
            filters=4,
            lstm_layers=1,
            transformer_layers=1,
            transformer_heads=4,
            transformer_hidden=32,
            reduction=2,
            sample_rate=RATE,
        ),
    ),
}


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for task in (training_task, published_training):
        monkeypatch.setattr(task, "VALIDATION_SCENES", 2)
    monkeypatch.setattr(training_task, "VALIDATION_SECONDS", 0.5)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Scenes of noise, as the authors' script writes them."""
    folder, rng = tmp_path_factory.mktemp("scenes"), np.random.default_rng(0)
    for name in ("train/a", "train/b", "val/c"):
        write_wxy(folder / name, 0.1 * rng.standard_normal((3, RATE)), RATE)
    return folder


@pytest.fixture(scope="module")
def starts(tmp_path_factory):
    """Small networks to start from; their cards contain short examples."""
    folder = tmp_path_factory.mktemp("starts")
    for model, (recipe, network) in SMALL.items():
        recipe = replace(recipe, scenes=replace(recipe.scenes, seconds=0.25))
        torch.manual_seed(0)
        card = Card(
            model=model,
            architecture=recipe.architecture,
            config=asdict(network),
            recipe=recipe.as_json(),
        )
        weights = ARCHITECTURES[recipe.architecture].network_class(network)
        save_weights(folder / f"{model}.safetensors", weights, card)
    return folder


@pytest.mark.parametrize("model", SMALL)
def test_an_interrupted_run_ends_as_one_without_interruption(
    tmp_path, monkeypatch, capsys, starts, scenes, model
):
    source = f"--scenes {scenes}" if model == "ambisonizer" else "--stems procedural"
    line = f"train {model} {source} --start {starts / model}.safetensors --steps 4 --batch-size 2"
    line += " --learning-rate 1e-3 --warmup 0 --ema 0.5 --workers 0 --device cpu --out "
    assert main([*line.split(), str(tmp_path / "whole")]) == 0

    update = loop._Training._update

    def interrupted(self, *arguments):
        if self.step == 1:
            signal.raise_signal(signal.SIGTERM)
        return update(self, *arguments)

    monkeypatch.setattr(loop._Training, "_update", interrupted)
    halves = [*line.split(), str(tmp_path / "halves")]
    assert main(halves) == 128 + signal.SIGTERM
    monkeypatch.setattr(loop._Training, "_update", update)
    assert main(halves) == 2
    assert "already contains a run; resume it (--resume)" in capsys.readouterr().err
    assert main([*halves, "--resume"]) == 0
    assert "resumed at step 2\n" in capsys.readouterr().out
    for name in ("checkpoint", "best"):
        runs = [tmp_path / run / f"{name}.safetensors" for run in ("whole", "halves")]
        whole, half = (read_tensors(path.read_bytes(), path)[0] for path in runs)
        assert whole.keys() == half.keys()
        for key, tensor in whole.items():
            assert torch.equal(tensor, half[key]), key


def signal_until(deadline, group):
    while time.monotonic() < deadline:
        os.killpg(group, 0)
        time.sleep(0.02)


@pytest.mark.skipif(os.name != "posix", reason="groups of POSIX")
def test_a_signal_to_the_group_stops_a_run_with_a_checkpoint(tmp_path, starts, scenes):
    """Twice, as `timeout` sends it to the process and to its group."""
    number = signal.SIGHUP
    line = f"train ambisonizer --scenes {scenes} --start {starts}/ambisonizer.safetensors"
    line += " --minutes 10 --batch-size 2 --warmup 0 --workers 2 --device cpu --out run"
    process = subprocess.Popen(
        [sys.executable, "-m", "spatialkit", *line.split()],
        cwd=tmp_path,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
        text=True,
    )
    log, deadline = tmp_path / "run/log.jsonl", time.monotonic() + 100.0
    while not (log.exists() and '"step": 10,' in log.read_text()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for _ in range(2):
        os.killpg(process.pid, number)
    printed, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (128 + number, "")
    assert "stopped at step " in printed
    entry = json.loads(log.read_text().splitlines()[-1])
    assert entry["finished"] is False
    path = tmp_path / "run/checkpoint.safetensors"
    state = json.loads(read_tensors(path.read_bytes(), path)[1]["state"])
    assert state["step"] == entry["step"]
    with pytest.raises(ProcessLookupError):
        signal_until(deadline, process.pid)


def test_the_benchmark_evaluates_published_networks(tmp_path, scenes):
    """One of each model, at the sample rate of the benchmark; all rows are complete."""
    lines = {
        "style-vae": "--stems procedural --configurations 1 --protocol same --style own",
        "ambisonizer": f"--scenes {scenes}",
    }
    for model, options in lines.items():
        recipe, network = SMALL[model]
        network = replace(network, sample_rate=44100)
        card = Card(model=model, architecture=recipe.architecture, config=asdict(network))
        weights, facts = tmp_path / f"{model}.safetensors", tmp_path / f"{model}-values.json"
        save_weights(weights, ARCHITECTURES[recipe.architecture].network_class(network), card)
        line = f"benchmark {model} {options} --examples 1 --seconds 0.5 --weights {weights}"
        assert main([*line.split(), "--json", str(facts)]) == 0
        rows = Benchmark.from_json(facts.read_text()).rows
        assert len([row for row in rows if model in row.system]) >= 1


def test_scenes_on_disk_are_read_in_either_scale(scenes):
    tasks = [
        PublishedTask.from_files(
            replace(recipe, network=network, scenes=replace(recipe.scenes, seconds=0.25)),
            scenes,
            normalization=normalization,
        )
        for recipe, network in [SMALL["ambisonizer"]]
        for normalization in ("N3D", "SN3D")
    ]
    first, second = (task.examples.batch(0, 2)["sides"] for task in tasks)
    np.testing.assert_allclose(second, np.sqrt(3.0) * first, rtol=1e-5)
    assert tasks[0].datasets == [{"name": str(scenes), "scenes": {"train": 2, "valid": 1}}]
    assert tasks[0].validation["stereo"].shape == (2, 2, 2000)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--scenes DIR", "preset stage is trained on: use --preset published"),
        ("--scenes DIR --preset published --stems DIR", "--scenes excludes --stems and --rooms"),
        ("--preset published", "--stems is missing: pass songs, or --scenes with --preset publ"),
        ("--scenes no --preset published --steps 1", "no contains no scene of the split 'train'"),
    ],
)
def test_arguments_that_exclude_each_other_are_refused(tmp_path, scenes, capsys, line, message):
    arguments = line.replace("DIR", str(scenes)).split()
    assert main(["train", "ambisonizer", *arguments, "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
