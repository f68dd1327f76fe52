"""The training loop: learned what is known, killed and resumed, shared by processes."""

from __future__ import annotations

import dataclasses
import json
import math
import multiprocessing
import os
import random
import signal
import socket
import time
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("tensorboard")

from spatialkit.errors import OptionError
from spatialkit_models.training import TrainingConfig, TrainingError, loop, train
from spatialkit_models.weights import WeightsError, load_weights

posix = pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX")
TRUTH = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], np.float32)


@dataclass(frozen=True)
class Shape:
    inputs: int = 3
    dropout: float = 0.0
    places: tuple[int, ...] = (1, 2)


class Products:
    """What `TRUTH` makes of noise; example ``i`` is a function of ``i``."""

    seconds = 0.5

    def batch(self, start, size):
        rngs = [np.random.default_rng([5, index]) for index in range(start, start + size)]
        inputs = np.stack([rng.standard_normal(3, np.float32) for rng in rngs])
        return {"inputs": inputs, "outputs": inputs @ TRUTH.T}


def build(config):
    return torch.nn.Sequential(
        torch.nn.Dropout(config["dropout"]), torch.nn.Linear(config["inputs"], 2)
    )


class Linear:
    """A task with a known answer; ``spoil`` changes the loss of one step."""

    name = "linear"
    examples = Products()

    def __init__(self, dropout=0.0, spoil=None, step=None, score=0.0):
        self.config = Shape(dropout=dropout)
        self.sources = {"noise": 5}
        torch.manual_seed(20261121)
        self.model = build(dataclasses.asdict(self.config))
        self.spoil, self.steps_begun, self.score = spoil, step, score
        self.seen, self.progress = [], []

    def loss(self, model, batch, progress):
        if self.steps_begun is not None:
            self.steps_begun.value += 1
        self.progress.append(progress)
        self.seen.append([p.detach().double().clone() for p in self.model.parameters()])
        loss = (model(batch["inputs"]) - batch["outputs"]).square().mean()
        if self.spoil:
            loss = self.spoil(loss, len(self.seen) - 1)
        return loss, {"root": loss.sqrt(), "fixed": 1.0}

    def validate(self, model):
        assert not model.training
        weights = model[1].weight.numpy()
        return {"score": self.score - float(np.abs(weights - TRUTH).max()), "fixed": 1.0}


def stopping(number, at):
    """What sends this process a signal in one step."""

    def spoil(loss, step):
        if step == at:
            signal.raise_signal(number)
        return loss

    return spoil


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
    """Equal to the bit: weights, their mean, the optimizer, the best; and one log."""
    one, other = checkpoint(found), checkpoint(wanted)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    for path in ("best.safetensors", "config.json"):
        assert (found / path).read_bytes() == (wanted / path).read_bytes()
    reported = [
        [line["step"] for line in log(out) if "finished" not in line] for out in (found, wanted)
    ]
    assert reported[0] == reported[1]


# What is learned, and what is told of it


def test_a_linear_map_is_found(tmp_path):
    result = run(tmp_path / "run", steps=150, batch_size=16, learning_rate=0.2)
    model, card = load_weights(tmp_path / "run" / "best.safetensors", "linear", build)
    # Adam in 150 steps; it begins 3 away.
    np.testing.assert_allclose(model[1].weight.detach().numpy(), TRUTH, atol=0.02)
    assert result.finished
    assert (result.step, card.steps, card.parameters) == (150, result.best_step, 8)
    assert card.figures == result.best
    assert card.config == {"inputs": 3, "dropout": 0.0, "places": [1, 2]}
    assert 0.0 < result.waiting < 1.0
    assert result.audio_per_second > 0.0


def test_the_first_step_is_that_of_the_textbook(tmp_path):
    """Adam's first update is the learning rate times the gradient's sign, decay comes first."""
    task = Linear()
    run(tmp_path / "run", task, steps=2, learning_rate=0.01, warmup=2, weight_decay=0.5)
    (weight, bias), (next_weight, next_bias) = task.seen
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


def test_the_kept_weights_are_the_running_mean(tmp_path):
    task = Linear()
    run(tmp_path / "run", task, steps=15, ema=0.6)
    seen = [*task.seen, [p.detach().double() for p in task.model.parameters()]]
    mean = seen[0]
    for step, values in enumerate(seen[1:]):
        decay = min(0.6, (1 + step) / (10 + step))
        mean = [decay * m + (1.0 - decay) * v for m, v in zip(mean, values, strict=True)]
    tensors = checkpoint(tmp_path / "run")
    for name, wanted in zip(("1.weight", "1.bias"), mean, strict=True):
        # 15 roundings of float32
        torch.testing.assert_close(tensors[f"ema.{name}"].double(), wanted, atol=2e-6, rtol=0.0)


def test_log_and_tensorboard_tell_the_schedule_and_the_scores(tmp_path):
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
    told = {event.step: event.value for event in board.Scalars("validation/score")}
    assert told == pytest.approx(scores, rel=1e-6)  # float32


def test_minutes_set_the_learning_rate_and_a_pause_does_not_count(tmp_path, monkeypatch):
    out, seconds = tmp_path / "run", iter(range(10**6))
    clock = SimpleNamespace(monotonic=lambda: float(next(seconds)))
    monkeypatch.setattr(loop, "time", clock)
    first, second = Linear(spoil=stopping(signal.SIGTERM, 12)), Linear()
    stopped = run(out, first, steps=None, minutes=1)
    next(zip(range(1000), seconds, strict=False))
    assert not stopped.finished
    assert 0 < stopped.elapsed < 60
    result = run(out, second, steps=None, minutes=1, resume=True)
    assert result.finished
    progress = first.progress + second.progress
    assert len(progress) == result.step
    assert second.progress[0] == stopped.elapsed / 60
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


def test_noise_and_state_of_the_caller_are_left_alone(tmp_path):
    task = Linear(dropout=0.5)
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    before = signal.getsignal(signal.SIGTERM)
    run(tmp_path / "run", task, steps=3)
    assert torch.equal(torch.rand(3), wanted)
    assert signal.getsignal(signal.SIGTERM) is before


# Killed, stopped, resumed


@pytest.fixture(scope="module")
def processes():
    """Processes that begin at once, their imports done."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["lightning_fabric", "torch.utils.tensorboard", "spatialkit_models.training", __name__]
    )
    return context


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
    """Begin or go on in a child, and come back when it is about so many steps further."""
    begun = processes.Value("i", 0)
    process = processes.Process(target=child, args=(out, begun, checkpoint_every))
    process.start()
    while begun.value < steps and process.is_alive():
        time.sleep(1e-4)
    return process


@posix
def test_a_run_killed_at_any_moment_ends_as_if_nothing_had_happened(
    tmp_path, processes, uninterrupted
):
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
def test_a_run_that_is_told_to_stop_saves_and_ends(tmp_path, capsys, uninterrupted, number):
    out = tmp_path / "run"
    stopped = run(out, Linear(dropout=0.3, spoil=stopping(number, 9)))
    assert (stopped.step, stopped.finished) == (10, False)
    assert log(out)[-1]["finished"] is False
    assert "resumed" not in capsys.readouterr().out
    assert run(out, Linear(dropout=0.3), resume=True).finished
    assert "resumed at step 10\n" in capsys.readouterr().out
    assert_equal_runs(out, uninterrupted)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_workers_change_nothing(tmp_path, uninterrupted):
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


def test_two_processes_learn_what_one_does(tmp_path, processes):
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
    # Half of the batch alone would not do: it learns something else.
    run(tmp_path / "half", steps=10, batch_size=2)
    half = checkpoint(tmp_path / "half")["model.1.weight"]
    assert (half - one["model.1.weight"]).abs().max() > 1e-3


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(OptionError, match=r"^batch_size 4 cannot be shared by 3 equally"):
        run(tmp_path / "run")


# What is refused


def infinite(loss, step):
    return loss * (math.inf if step == 7 else 1.0)


def steep(loss, step):
    return loss + (0.0 * loss).sqrt() if step == 7 else loss


@pytest.mark.parametrize(("spoil", "said"), [(infinite, "the loss is inf"), (steep, "norm nan")])
def test_what_is_not_finite_ends_the_run_before_it_does_harm(tmp_path, spoil, said):
    out = tmp_path / "run"
    with pytest.raises(TrainingError, match=r"^the loss is .* at step 7: .*\(root ") as caught:
        run(out, Linear(spoil=spoil), checkpoint_every=0.0)
    assert said in str(caught.value)
    assert all(bool(tensor.isfinite().all()) for tensor in checkpoint(out).values())


def test_a_score_that_is_not_finite_is_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"^the validation score is nan at step 0"):
        run(tmp_path / "run", Linear(score=math.nan))


def test_folders_are_used_for_one_run(tmp_path):
    out = tmp_path / "run"
    run(out, steps=3)
    with pytest.raises(
        OptionError, match=r"run has a run already: resume it \(--resume\), or name another"
    ):
        run(out, steps=3)
    with pytest.raises(OptionError, match=r"has training\.batch_size 4, asked for was 8: a run"):
        run(out, steps=3, batch_size=8, resume=True)
    with pytest.raises(OptionError, match=r"has config\.dropout 0\.0, asked for was 0\.5"):
        run(out, Linear(dropout=0.5), steps=3, resume=True)
    other = Linear()
    other.name = "cubic"
    with pytest.raises(OptionError, match='has task "linear", asked for was "cubic"'):
        run(out, other, steps=3, resume=True)
    other = Linear()
    other.sources = {"noise": 6}
    with pytest.raises(OptionError, match=r"has sources\.noise 5, asked for was 6"):
        run(out, other, steps=3, resume=True)
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "song.wav").touch()
    with pytest.raises(OptionError, match="strange is a folder without a run in it, and not empty"):
        run(strange, resume=True)
    with pytest.raises(OptionError, match=r"song\.wav is a file: name a folder for the run"):
        run(strange / "song.wav")


def test_a_damaged_checkpoint_is_one_sentence(tmp_path):
    out = tmp_path / "run"
    run(out, steps=3)
    whole = (out / "checkpoint.safetensors").read_bytes()
    (out / "checkpoint.safetensors").write_bytes(whole[:-9])
    with pytest.raises(WeightsError, match=r"checkpoint\.safetensors is not a whole safetensors"):
        run(out, steps=3, resume=True)
    foreign = safetensors.save({"model.weight": torch.zeros(2)}, {"state": "{}"})
    (out / "checkpoint.safetensors").write_bytes(foreign)
    with pytest.raises(WeightsError, match=r"checkpoint\.safetensors is not a checkpoint of this"):
        run(out, steps=3, resume=True)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "training takes either steps or minutes"),
        ({"steps": 3, "minutes": 1}, "training takes either steps or minutes"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"minutes": math.nan}, "minutes must be at least"),
        ({"steps": 3, "batch_size": 1.5}, "batch_size must be a whole number"),
        ({"steps": 3, "ema": 1.5}, "ema must be from 0 to 1"),
        ({"steps": 3, "precision": "float16"}, "unknown precision 'float16'.*Accepted: 'auto'"),
    ],
)
def test_settings_are_checked(settings, said):
    with pytest.raises(OptionError, match=f"^{said}"):
        TrainingConfig(**settings)
