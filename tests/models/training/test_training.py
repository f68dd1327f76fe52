"""The training loop: a known solution, interruptions, several processes, and errors."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import signal
import socket
import time
import tracemalloc
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("tensorboard")

from spatialkit.errors import OptionError
from spatialkit.storage import locked_folder
from spatialkit_models.training import Recipe, Task, TrainingConfig, TrainingError, loop, train
from spatialkit_models.weights import (
    ARCHITECTURES,
    Architecture,
    WeightsError,
    load_weights,
    read_bytes,
)

posix = pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX")
TRUTH = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], np.float32)


@dataclass(frozen=True)
class Shape:
    inputs: int = 3
    dropout: float = 0.0
    places: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Noise:
    scale: float = 1.0


class Products:
    """Noise and its product with `TRUTH`; example ``i`` is a function of ``i``."""

    seconds = 0.5

    def batch(self, start, size):
        rngs = [np.random.default_rng([5, index]) for index in range(start, start + size)]
        inputs = np.stack([rng.standard_normal(3, np.float32) for rng in rngs])
        return {"inputs": inputs, "outputs": inputs @ TRUTH.T}


def build(config):
    return torch.nn.Sequential(torch.nn.Dropout(config.dropout), torch.nn.Linear(config.inputs, 2))


def register(name):
    ARCHITECTURES[name] = Architecture(name, f"{__name__}:Shape", f"{__name__}:build")


register("linear")
register("cubic")


class SquareLoss(torch.nn.Module):
    """Mean square error, which records what it is called with."""

    def __init__(self, network, change=None, step=None):
        super().__init__()
        self.network, self.change, self.steps_begun = network, change, step
        self.seen, self.progress = [], []

    def forward(self, batch, progress):
        if self.steps_begun is not None:
            self.steps_begun.value += 1
        self.progress.append(progress)
        self.seen.append([p.detach().double().clone() for p in self.network.parameters()])
        loss = (self.network(batch["inputs"]) - batch["outputs"]).square().mean()
        if self.change:
            loss = self.change(loss, len(self.seen) - 1)
        return loss, {"root": loss.detach().sqrt(), "fixed": 1.0}


class Linear(Task):
    """A task with a known solution; ``change`` modifies the loss of a step."""

    def __init__(self, dropout=0.0, change=None, step=None, score=0.0, architecture="linear"):
        shape = Shape(dropout=dropout)
        torch.manual_seed(20261121)
        network = build(shape)
        super().__init__(
            recipe=Recipe(
                name="plain",
                architecture=architecture,
                network=shape,
                scenes=Noise(),
                loss=Noise(),
                training=TrainingConfig(),
            ),
            network=network,
            loss=SquareLoss(network, change, step),
            examples=Products(),
            validation={"numbers": np.arange(2.0)},
            sources={"noise": 5},
            datasets=[{"name": "noise", "songs": 1}],
        )
        self.offset = score

    def measure(self, network, scene):
        assert not network.training
        weights = network[1].weight.numpy()
        return {"error": torch.tensor(float(np.abs(weights - TRUTH).max())), "fixed": 1.0}

    def score(self, metrics):
        return self.offset - metrics["error"]


def stopping(number, at):
    """Return a change of the loss that sends a signal to this process in one step."""

    def change(loss, step):
        if step == at:
            signal.raise_signal(number)
        return loss

    return change


def run(out, task=None, *, resume=False, workers=0, checkpoint_every=1e9, **settings):
    settings = {"steps": 24, "batch_size": 4, "warmup": 5, "validate_every": 10, **settings}
    config = TrainingConfig(**{"learning_rate": 0.05, "ema": 0.9, **settings})
    return train(
        task or Linear(),
        out,
        config,
        resume=resume,
        workers=workers,
        device="cpu",
        checkpoint_every=checkpoint_every,
    )


def checkpoint(out):
    return safetensors.load_file(out / "checkpoint.safetensors")


def log(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def assert_equal_runs(found, wanted):
    """Compare weights, moving average, optimizer and best weights exactly, and the logs."""
    one, other = checkpoint(found), checkpoint(wanted)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    for path in ("best.safetensors", "config.json"):
        assert (found / path).read_bytes() == (wanted / path).read_bytes()
    reported = [
        [line["step"] for line in log(out) if "finished" not in line] for out in (found, wanted)
    ]
    assert reported[0] == reported[1]


# Results, cards and logs


def test_a_linear_map_is_learned(tmp_path):
    result = run(tmp_path / "run", steps=150, batch_size=16, learning_rate=0.2)
    model, card = load_weights(tmp_path / "run" / "best.safetensors", "linear")
    # Adam in 150 steps; it begins 3 away.
    np.testing.assert_allclose(model[1].weight.detach().numpy(), TRUTH, atol=0.02)
    assert result.finished
    assert (result.step, card.steps, card.parameters) == (150, result.best_step, 8)
    assert card.figures == result.best
    assert card.config == {"inputs": 3, "dropout": 0.0, "places": [1, 2]}
    assert (card.architecture, card.warning) == ("linear", "")
    assert card.recipe["training"]["learning_rate"] == 0.2
    assert card.data == [{"name": "noise", "songs": 1}]
    assert 0.0 < result.waiting < 1.0
    assert result.audio_per_second > 0.0


def test_the_first_step_is_that_of_adamw(tmp_path):
    """Adam's first update is the learning rate times the gradient's sign, decay comes first."""
    task = Linear()
    run(tmp_path / "run", task, steps=2, learning_rate=0.01, warmup=2, weight_decay=0.5)
    (weight, bias), (next_weight, next_bias) = task.loss.seen
    batch = Products().batch(0, 4)
    inputs, outputs = (torch.from_numpy(x).double() for x in batch.values())
    error = inputs @ weight.T + bias - outputs
    rate = 0.01 / 2  # half-way up
    for before, after, gradient in (
        (weight, next_weight, error.T @ inputs),
        (bias, next_bias, error.sum(0)),
    ):
        wanted = before * (1.0 - rate * 0.5) - rate * gradient.sign()
        # float32, and Adam's epsilon of 1e-8 beside gradients above 1e-2
        torch.testing.assert_close(after, wanted, atol=1e-7, rtol=1e-5)


def test_the_saved_weights_are_the_moving_average(tmp_path):
    task = Linear()
    run(tmp_path / "run", task, steps=15, ema=0.6)
    seen = [*task.loss.seen, [p.detach().double() for p in task.network.parameters()]]
    mean = seen[0]
    for step, values in enumerate(seen[1:]):
        decay = min(0.6, (1 + step) / (10 + step))
        mean = [decay * m + (1.0 - decay) * v for m, v in zip(mean, values, strict=True)]
    tensors = checkpoint(tmp_path / "run")
    for name, wanted in zip(("1.weight", "1.bias"), mean, strict=True):
        # 15 roundings of float32
        torch.testing.assert_close(tensors[f"ema.{name}"].double(), wanted, atol=2e-6, rtol=0.0)


def test_log_and_tensorboard_contain_the_schedule_and_the_scores(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    out = tmp_path / "run"
    result = run(out)
    lines = log(out)
    trained = [line for line in lines if "loss" in line]
    assert [line["step"] for line in trained] == [10, 20, 24]
    steps = np.arange(24)
    rates = 0.05 * np.minimum((steps + 1) / 5, 1.0) * (1.0 + np.cos(math.pi * steps / 24)) / 2
    means = [part.mean() for part in np.split(rates, [10, 20])]
    np.testing.assert_allclose([line["learning_rate"] for line in trained], means, rtol=1e-12)
    scores = {
        line["step"]: line["validation/score"] for line in lines if "validation/score" in line
    }
    assert list(scores) == [0, 10, 20, 24]
    assert result.best["score"] == max(scores.values()) == scores[result.best_step]
    assert lines[-1]["finished"] is True
    assert lines[-1]["waiting"] == result.waiting
    board = EventAccumulator(str(out)).Reload()
    logged = {event.step: event.value for event in board.Scalars("validation/score")}
    assert logged == pytest.approx(scores, rel=1e-6)  # float32


def test_minutes_set_the_learning_rate_and_a_pause_does_not_count(tmp_path, monkeypatch):
    out, seconds = tmp_path / "run", iter(range(10**6))
    clock = SimpleNamespace(monotonic=lambda: float(next(seconds)))
    monkeypatch.setattr(loop, "time", clock)
    first, second = Linear(change=stopping(signal.SIGTERM, 12)), Linear()
    stopped = run(out, first, steps=None, minutes=1)
    next(zip(range(1000), seconds, strict=False))
    assert not stopped.finished
    assert 0 < stopped.elapsed < 60
    result = run(out, second, steps=None, minutes=1, resume=True)
    assert result.finished
    progress = first.loss.progress + second.loss.progress
    assert len(progress) == result.step
    assert second.loss.progress[0] == stopped.elapsed / 60
    assert np.all(np.diff(progress) > 0)
    assert progress[0] == 0
    assert 0.9 < progress[-1] < 1
    rates = (
        0.05
        * np.minimum(np.arange(1, 11) / 5, 1)
        * (1 + np.cos(math.pi * np.array(progress[:10])))
        / 2
    )
    assert log(out)[1]["learning_rate"] == pytest.approx(rates.mean(), rel=1e-12)
    again = run(out, steps=None, minutes=1, resume=True)
    assert (again.step, again.elapsed) == (result.step, result.elapsed)


def test_random_state_and_signal_handlers_of_the_caller_are_restored(tmp_path):
    task = Linear(dropout=0.5)
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    before = signal.getsignal(signal.SIGTERM)
    run(tmp_path / "run", task, steps=3)
    assert torch.equal(torch.rand(3), wanted)
    assert signal.getsignal(signal.SIGTERM) is before


# Interruptions


@pytest.fixture(scope="module")
def processes(fork_server):
    """Processes that start at once, with their imports done."""
    return fork_server(
        "lightning_fabric", "torch.utils.tensorboard", "spatialkit_models.training", __name__
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    out = tmp_path_factory.mktemp("uninterrupted") / "run"
    run(out, Linear(dropout=0.3))
    return out


def child(out, begun, checkpoint_every):
    torch.set_num_threads(1)
    task = Linear(dropout=0.3, step=begun)
    result = run(out, task, resume=True, checkpoint_every=checkpoint_every)
    os._exit(0 if result.finished else 1)


def start(processes, out, steps, checkpoint_every):
    """Start or resume in a child process; return after about so many steps."""
    begun = processes.Value("i", 0)
    process = processes.Process(target=child, args=(out, begun, checkpoint_every))
    process.start()
    while begun.value < steps and process.is_alive():
        time.sleep(1e-4)
    return process


@posix
def test_a_killed_run_ends_exactly_as_without_the_interruption(tmp_path, processes, uninterrupted):
    out, chosen = tmp_path / "run", random.Random(2)
    for checkpoint_every in (0.0, 0.02, 0.0):
        process = start(processes, out, chosen.randrange(8), checkpoint_every)
        time.sleep(chosen.uniform(0.0, 0.02))
        process.kill()
        process.join()
        assert process.exitcode in (-signal.SIGKILL, 0)
    result = run(out, Linear(dropout=0.3), resume=True)
    assert (result.step, result.finished) == (24, True)
    assert_equal_runs(out, uninterrupted)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_the_run_with_a_checkpoint(tmp_path, capsys, uninterrupted, number):
    out = tmp_path / "run"
    stopped = run(out, Linear(dropout=0.3, change=stopping(number, 9)))
    assert (stopped.step, stopped.finished) == (10, False)
    assert log(out)[-1]["finished"] is False
    assert "resumed" not in capsys.readouterr().out
    assert run(out, Linear(dropout=0.3), resume=True).finished
    assert "resumed at step 10\n" in capsys.readouterr().out
    assert_equal_runs(out, uninterrupted)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_the_number_of_workers_has_no_effect(tmp_path, uninterrupted):
    run(tmp_path / "run", Linear(dropout=0.3), workers=2)
    assert_equal_runs(tmp_path / "run", uninterrupted)


# Several processes


def ranked(rank, port, out):
    torch.set_num_threads(1)
    os.environ |= {
        **{"RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0"},
        **{"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "test"},
        **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)},
    }
    result = run(out, steps=10)
    os._exit(0 if result.finished and (result.best == {}) == (rank == 1) else 1)


def test_two_processes_train_like_one(tmp_path, processes):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = [processes.Process(target=ranked, args=(r, port, tmp_path / "two")) for r in (0, 1)]
    for process in both:
        process.start()
    run(tmp_path / "one", steps=10)
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
    one, two = checkpoint(tmp_path / "one"), checkpoint(tmp_path / "two")
    assert one.keys() == two.keys()
    for name in one:
        # Sums of float32 in another order, of gradients that are below 10.
        torch.testing.assert_close(two[name], one[name], atol=1e-6, rtol=1e-6)
    # Half of the batch alone gives another result.
    run(tmp_path / "half", steps=10, batch_size=2)
    half = checkpoint(tmp_path / "half")["model.1.weight"]
    assert (half - one["model.1.weight"]).abs().max() > 1e-3


def test_a_batch_that_the_processes_cannot_share_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(OptionError, match=r"^batch_size must be a multiple of the 3 processes"):
        run(tmp_path / "run")


# Errors


def infinite(loss, step):
    return loss * (math.inf if step == 7 else 1.0)


def steep(loss, step):
    return loss + (0.0 * loss).sqrt() if step == 7 else loss


@pytest.mark.parametrize(("change", "message"), [(infinite, "loss inf"), (steep, "norm nan")])
def test_a_loss_or_gradient_that_is_not_finite_ends_the_run(tmp_path, change, message):
    out = tmp_path / "run"
    with pytest.raises(
        TrainingError, match=r"^loss .* at step 7 is not finite; .*\(root "
    ) as caught:
        run(out, Linear(change=change), checkpoint_every=0.0)
    assert message in str(caught.value)
    assert all(bool(tensor.isfinite().all()) for tensor in checkpoint(out).values())


def test_a_score_that_is_not_finite_is_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"^the validation score at step 0 is nan"):
        run(tmp_path / "run", Linear(score=math.nan))


def test_a_directory_is_used_by_one_process(tmp_path):
    out = tmp_path / "run"
    run(out, steps=3)
    (out / ".spatialkit-0123456789abcdef.part").touch()  # of a killed process
    with (
        locked_folder(out, ""),
        pytest.raises(OptionError, match=r"run is in use by another process; wait until it ends"),
    ):
        run(out, steps=6, resume=True)
    run(out, steps=3, resume=True)
    assert not list(out.glob("*.part"))


def test_a_directory_serves_one_run(tmp_path):
    out = tmp_path / "run"
    run(out, steps=3)
    with pytest.raises(
        OptionError, match=r"run already contains a run; resume it \(resume=True\) or choose"
    ):
        run(out, steps=3)
    with pytest.raises(OptionError, match=r"has training\.batch_size 4, got 8; a run can only"):
        run(out, steps=3, batch_size=8, resume=True)
    with pytest.raises(OptionError, match=r"has network\.dropout 0\.0, got 0\.5"):
        run(out, Linear(dropout=0.5), steps=3, resume=True)
    with pytest.raises(OptionError, match='has model "linear", got "cubic"'):
        run(out, Linear(architecture="cubic"), steps=3, resume=True)
    other = Linear()
    other.sources = {"noise": 6}
    with pytest.raises(OptionError, match=r"has sources\.noise 5, got 6"):
        run(out, other, steps=3, resume=True)
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "song.wav").touch()
    with pytest.raises(OptionError, match="strange is not empty and contains no run"):
        run(strange, resume=True)
    with pytest.raises(OptionError, match=r"song\.wav is a file; choose another path"):
        run(strange / "song.wav")


def test_a_damaged_checkpoint_is_refused(tmp_path):
    out = tmp_path / "run"
    run(out, steps=3)
    whole = (out / "checkpoint.safetensors").read_bytes()
    (out / "checkpoint.safetensors").write_bytes(whole[:-9])
    with pytest.raises(WeightsError, match=r"checkpoint\.safetensors is not a valid safetensors"):
        run(out, steps=3, resume=True)
    foreign = safetensors.save({"model.weight": torch.zeros(2)}, {"state": "{}"})
    (out / "checkpoint.safetensors").write_bytes(foreign)
    with pytest.raises(WeightsError, match=r"checkpoint\.safetensors is not a checkpoint of this"):
        run(out, steps=3, resume=True)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Directory of a run of three steps."""
    out = tmp_path_factory.mktemp("begun") / "run"
    run(out, steps=3, validate_every=3)
    return out


@pytest.mark.parametrize(
    "change",
    [
        {"step": "3"},
        {"step": -1},
        {"step": 10**60},
        {"elapsed": None},
        {"elapsed": -1.0},
        {"best_step": 9},
        {"best": []},
        {"best": {"error": 1.0}},
        {"more": 1},
        "[" * 100_000,
        "null",
        {"optimizer.0.exp_avg": torch.zeros(7)},
        {"optimizer.9.exp_avg": torch.zeros(7)},
        {"optimizer.0.exp_avg": torch.zeros(())},
        {"optimizer.0.exp_avg_sq": None},
        {"optimizer.0.step": torch.zeros(1)},
        {"optimizer.0.step": torch.tensor(math.nan)},
        {"optimizer.0.step": torch.tensor(-3.0)},
        {"optimizer.g_sq": torch.zeros(1)},
        {"optimizer.0.exp_avg_sq": torch.full((1, 1), -1.0)},
        {"model.a\nb": torch.zeros(1)},
    ],
)
def test_an_edited_state_is_refused_in_one_sentence(begun, tmp_path, change):
    out = tmp_path / "run"
    shutil.copytree(begun, out)
    data = (out / "checkpoint.safetensors").read_bytes()
    with safetensors.safe_open(out / "checkpoint.safetensors", "pt") as file:
        state = json.loads(file.metadata()["state"])
    tensors = safetensors.load(data)
    if isinstance(change, str):
        text = change
    elif any(name.startswith(("model", "optimizer")) for name in change):
        text = json.dumps(state)
        tensors = {name: each for name, each in (tensors | change).items() if each is not None}
    else:
        text = json.dumps(state | change)
    data = safetensors.save(tensors, {"state": text})
    (out / "checkpoint.safetensors").write_bytes(data)
    expected = r"checkpoint\.safetensors is not a checkpoint of this"
    with pytest.raises(WeightsError, match=expected) as caught:
        run(out, steps=3, validate_every=3, resume=True)
    assert "\n" not in str(caught.value)


def test_reading_reserves_no_more_memory_than_a_file_needs(tmp_path):
    """Python allocates what `read` is asked for."""
    path = tmp_path / "small"
    path.write_bytes(b"abc")
    tracemalloc.start()
    assert read_bytes(path, 2**31) == b"abc"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_a_run_is_resumed_whatever_its_log_contains(begun, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(begun, out)
    lines = log(out)
    with (out / "log.jsonl").open("ab") as file:
        for line in ("[1]", "null", '{"step": "2"}', '{"step": []}', "[" * 100_000, "\xff", "{"):
            file.write(f"{line}\n".encode("latin-1"))
    run(out, steps=3, validate_every=3, resume=True)
    assert log(out)[: len(lines)] == lines


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 3, "minutes": 1}, "steps and minutes are mutually exclusive"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"minutes": math.nan}, "minutes must be at least"),
        ({"steps": 3, "batch_size": 1.5}, "batch_size must be a whole number"),
        ({"steps": 3, "ema": 1.5}, "ema must be from 0 to 1"),
        ({"steps": 3, "precision": "float16"}, "unknown precision 'float16'.*Accepted: 'auto'"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(OptionError, match=f"^{message}"):
        TrainingConfig(**settings)


def test_a_run_without_a_length_is_refused(tmp_path):
    with pytest.raises(OptionError, match=r"^the length of the training is missing"):
        train(Linear(), tmp_path / "run")


def test_the_warmup_of_a_run_in_minutes_is_part_of_its_time():
    config = TrainingConfig(minutes=4.0, learning_rate=1.0)
    rates = [config.learning_rate_at(step, step / 80) for step in range(81)]
    assert np.argmax(rates) == 4  # 5 % of the run; a warm-up of 100 steps would never end
    assert rates[:5] == pytest.approx(
        [max(0.01, step / 4) * (1 + math.cos(math.pi * step / 80)) / 2 for step in range(5)]
    )
    fixed = TrainingConfig(minutes=4.0, learning_rate=1.0, warmup=50)
    assert fixed.learning_rate_at(24, 0.0) == 0.5


def test_the_summary_compares_the_saved_weights_with_those_before_training(tmp_path, capsys):
    result = run(tmp_path / "run")
    lines = capsys.readouterr().out.splitlines()
    header = next(n for n, line in enumerate(lines) if line.startswith("metric"))
    assert lines[header].split() == ["metric", "step", "0", "step", "24", "(saved)"]
    rows = {line.split()[0]: line.split()[1:] for line in lines[header + 1 :] if line}
    assert rows["error"][1] == f"{result.best['error']:.4g}"
    assert float(rows["error"][0]) > float(rows["error"][1])
    assert "warning" not in rows


def test_weights_that_no_step_improved_are_marked(tmp_path, capsys):
    result = run(tmp_path / "run", learning_rate=0.0, weight_decay=0.0)
    assert (result.finished, result.best_step) == (True, 0)
    assert "warning: no validation was better than the one before" in capsys.readouterr().out
    _, card = load_weights(tmp_path / "run" / "best.safetensors", "linear")
    assert card.warning.startswith("weights of step 0: no validation during training was better")
