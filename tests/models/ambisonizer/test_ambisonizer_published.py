"""The published Ambisonizer compared with the code of its authors, as a whole and in parts."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

from torch import nn
from torch.nn import functional

from spatialkit.__main__ import main
from spatialkit.errors import OptionError, ShapeError, SpatialkitWarning
from spatialkit_models.ambisonizer.published import (
    MODEL,
    PublishedAmbisonizer,
    PublishedConfig,
    checkpoint,
    convert_checkpoint,
    fold_weight_norm,
    load_published,
)
from spatialkit_models.ambisonizer.published.seanet import Convolution, TransposedConvolution
from spatialkit_models.ambisonizer.published.transformer import Transformer
from spatialkit_models.commands import convert
from spatialkit_models.weights import Card, WeightsError, load_weights

DATA = Path(__file__).parents[2] / "data" / "ambisonizer"
TINY = json.loads((DATA / "tiny.json").read_text())
CHECKS = json.loads((DATA / "published_check.json").read_text())
LAYOUT = json.loads((DATA / "published_state_dict.json").read_text())
# Stated beside the oracles.
TINY_TOLERANCE = 5e-6
PUBLISHED_TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-12}

LIGHT = """
import sys
import spatialkit_models.commands.convert as convert
print([name for name in ("torch", "safetensors") if name in sys.modules])
"""


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(7)


@pytest.fixture(scope="module")
def oracles():
    return safetensors.load_file(DATA / "tiny.safetensors")


@pytest.fixture
def tiny(oracles):
    """The small network of the oracles."""
    config = PublishedConfig(
        latent_size=8, filters=2, transformer_layers=2, transformer_hidden=24, reduction=2
    )
    network = PublishedAmbisonizer(config).eval()
    weights = {
        name.removeprefix("weights/"): tensor
        for name, tensor in oracles.items()
        if name.startswith("weights/")
    }
    assert list(network.state_dict()) == TINY["keys"]
    network.load_state_dict(weights, strict=True)
    return network


def hashed(stream, count):
    """Numbers in [-1, 1): the formula of the oracles, in ``published_check.json``."""
    with np.errstate(over="ignore"):
        h = np.arange(count, dtype=np.uint32) * np.uint32(2654435761)
        h += np.uint32((stream + 1) * 2246822519 % 2**32)
        h ^= h >> np.uint32(16)
        h *= np.uint32(2246822507)
        h ^= h >> np.uint32(13)
        h *= np.uint32(3266489909)
        h ^= h >> np.uint32(16)
    return h / 2.0**31 - 1.0


def published_state():
    """Weights of the oracles, by their rules."""
    state = {}
    for stream, (name, shape, dtype) in enumerate(LAYOUT):
        assert dtype == "float32"
        u = hashed(stream, int(np.prod(shape)))
        if name.endswith("weight_g"):
            u = (2.0 if ".convtr." in name else 1.2) * (1.0 + 0.25 * u)
        elif name.endswith("weight_v"):
            pass
        elif ".norm" in name and name.endswith("weight"):
            u = 1.0 + 0.1 * u
        elif "bias" in name.rpartition(".")[2]:
            u = 0.05 * u
        elif name == "log_var_layer.weight":
            u = 0.5 * np.sqrt(3.0 / shape[-1]) * u
        elif ".lstm." in name:
            u = 1.5 / np.sqrt(shape[-1]) * u
        else:
            u = np.sqrt(3.0 / shape[-1]) * u
        state[name] = torch.from_numpy(u.astype(np.float32).reshape(shape))
    return state


def published_case(check, dtype):
    """Stereo and noise of the oracles."""
    count, frames = check["samples"], check["frames"]
    t = np.arange(count) / 44100.0

    def sine(frequency, phase=0.0):
        return np.sin(2.0 * np.pi * frequency * t + phase)

    left = 0.3 * sine(220.0) + 0.2 * sine(1375.0, 0.5) + 0.05 * hashed(1000, count)
    right = 0.3 * sine(330.0, 1.0) - 0.15 * sine(3100.0) + 0.05 * hashed(1001, count)
    noise = (np.sqrt(3.0) * hashed(1002, frames * 64)).reshape(1, frames, 64)
    stereo = np.stack([left, right])[None]
    return (torch.from_numpy(x.astype(np.float32)).to(dtype) for x in (stereo, noise))


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Convert a file of the oracles' weights, as saved by the authors, on the command line."""
    folder = tmp_path_factory.mktemp("published")
    checkpoint, path = folder / "best_model.pth", folder / "published.safetensors"
    torch.save(published_state(), checkpoint)
    assert main(["convert-checkpoint", str(checkpoint), "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def networks(published):
    """The network by its precision; in double, lengths of weights are computed in it, too."""
    double, _ = load_weights(published, MODEL)
    fold_weight_norm(double.double())
    return {torch.float32: load_published(published)[0], torch.float64: double}


def test_the_formula_of_the_oracle_weights():
    for stream, values in CHECKS["hash"]["first_values"].items():
        assert hashed(int(stream), 4).tolist() == values


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("name", TINY["cases"])
def test_the_small_network_equals_the_authors_code(tiny, oracles, name, folded):
    audio, noise, made = (oracles[f"{name}/{part}"] for part in ("input", "noise", "output"))
    if folded:
        fold_weight_norm(tiny)
    given = audio.clone(), noise.clone()
    found = tiny.ambisonics(audio, noise)
    close = {"rtol": 0.0, "atol": TINY_TOLERANCE}
    torch.testing.assert_close(found[:, 1:], made[..., : audio.shape[-1]], **close)
    assert torch.equal(found[:, :1], audio.mean(1, keepdim=True))
    if TINY["cases"][name]["kind"] != "prior":
        with torch.no_grad():
            sides, mean, log_variance = tiny(audio, noise)
        torch.testing.assert_close(mean, oracles[f"{name}/mu"], **close)
        torch.testing.assert_close(log_variance, oracles[f"{name}/log_var"], **close)
        torch.testing.assert_close(sides, found[:, 1:], **close)
    assert torch.equal(audio, given[0])
    assert torch.equal(noise, given[1])


def test_tensors_are_those_of_the_release():
    network = PublishedAmbisonizer(PublishedConfig())
    state = network.state_dict()
    assert [[name, list(x.shape), "float32"] for name, x in state.items()] == LAYOUT
    assert len(state) == CHECKS["tensors"] == 302
    assert sum(x.numel() for x in network.parameters()) == CHECKS["parameters"] == 26_582_946
    assert {x.dtype for x in state.values()} == {torch.float32}
    assert network.config.hop == 320


@pytest.mark.parametrize("case", CHECKS["checks"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_published_network_equals_the_authors_code(networks, case, dtype):
    check, network = CHECKS["checks"][case], networks[dtype]
    stereo, noise = published_case(check, dtype)
    indices = [index for index in check["indices"] if index < check["samples"]]
    cases = [(stereo, check[str(dtype).removeprefix("torch.")])]
    if dtype == torch.float32:
        cases.append((stereo.mean(1, keepdim=True), check["prior_mode_float32"]))
    for audio, oracle in cases:
        found = network.ambisonics(audio, noise)[0, 1:]
        wanted = np.array([oracle["samples_x"], oracle["samples_y"]])[:, : len(indices)]
        np.testing.assert_allclose(found[:, indices], wanted, 0, PUBLISHED_TOLERANCE[dtype])
        if check["output_samples"] == check["samples"]:  # the oracle's is of whole frames
            # Rounding of samples is independent: far less of it is left in 9600 of them.
            norms = found.double().norm(dim=1)
            np.testing.assert_allclose(norms, oracle["norm_per_channel"], rtol=1e-6)


def test_loaded_networks_are_ready_for_inference(networks):
    network = networks[torch.float32]
    assert not network.training
    assert not any(x.requires_grad for x in network.parameters())
    assert not [name for name in network.state_dict() if name.endswith(("weight_g", "weight_v"))]


def test_conversion_keeps_the_weights_and_writes_a_card(published):
    card = Card(**json.loads(published.with_suffix(".json").read_text()))
    digest = hashlib.sha256(published.with_name("best_model.pth").read_bytes()).hexdigest()
    assert card.command == f"converted from best_model.pth, SHA-256 {digest}"
    assert card.parameters == 26_582_946
    assert card.config["latent_size"] == 64
    stored = safetensors.load_file(published)
    saved_state = torch.load(published.with_name("best_model.pth"), weights_only=True)
    assert all(torch.equal(stored[name], x) for name, x in saved_state.items())


@pytest.mark.parametrize("samples", [0, 1, 2, 319, 320, 321, 5000])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_output_has_the_length_of_the_input_and_its_w(tiny, samples, channels):
    audio = torch.randn(2, channels, samples)
    found = tiny.ambisonics(audio, tiny.sample_noise(samples, 3, batch=2))
    assert found.shape == (2, 3, samples)
    assert found.isfinite().all()
    if channels == 2:
        assert torch.equal(found[:, 0], (audio[:, 0] + audio[:, 1]) / 2)
    else:
        assert torch.equal(found[:, 0], audio[:, 0])
    # Each item is as it is alone; sums in another order: as the oracles' tolerance.
    alone = tiny.ambisonics(audio[1:], tiny.sample_noise(samples, 3, batch=2)[1:])
    torch.testing.assert_close(found[1:], alone, rtol=0.0, atol=TINY_TOLERANCE)


@pytest.mark.parametrize("channels", [1, 2])
def test_the_latent_is_its_mean_or_sampled_by_a_seed(tiny, channels):
    audio = torch.randn(1, channels, 1000)
    mean = tiny.ambisonics(audio)
    assert torch.equal(mean, tiny.ambisonics(audio, torch.zeros(1, 4, 8)))
    drawn = [tiny.ambisonics(audio, tiny.sample_noise(1000, seed)) for seed in (5, 5, 6)]
    assert torch.equal(drawn[0], drawn[1])
    for one, other in ((drawn[0], drawn[2]), (drawn[0], mean)):
        assert torch.equal(one[:, 0], other[:, 0])
        assert (one - other).abs().max() > 1e-2


def test_mono_is_not_stereo_of_two_equal_channels(tiny):
    mono = torch.randn(1, 1, 1000)
    both = tiny.ambisonics(mono.expand(1, 2, -1))
    assert (tiny.ambisonics(mono) - both).abs().max() > 1e-2


def test_silence_gives_finite_output(tiny):
    assert tiny.ambisonics(torch.zeros(1, 2, 700)).isfinite().all()


def test_invalid_inputs_are_refused(tiny):
    for shape in ((1, 3, 320), (2, 320)):
        with pytest.raises(ShapeError, match=r"^audio must have shape \(batch, 1 or 2, samples\)"):
            tiny.ambisonics(torch.zeros(shape))
    with pytest.raises(ShapeError, match=r"^noise must have shape \(1, 2, 8\), got \(1, 1, 8\)"):
        tiny.ambisonics(torch.zeros(1, 2, 321), torch.zeros(1, 1, 8))
    with pytest.raises(OptionError, match=r"^latent_size must be a multiple of half of the 8"):
        PublishedConfig(latent_size=6)
    with pytest.raises(OptionError, match=r"^reduction must be from 1 to 8, got 16"):
        PublishedConfig(filters=8)
    with pytest.raises(OptionError, match=r"^ratios must be from 1 to 65536, got 0"):
        PublishedConfig(ratios=(8, 0))


def test_gradients_are_finite_differences(tiny):
    """Oracle: differences in double precision along one direction of all weights."""
    network = tiny.double().train()
    stereo = torch.randn(2, 2, 1000, dtype=torch.float64)
    noise, weights = network.sample_noise(1000, 1, batch=2), list(network.parameters())
    way = [torch.randn_like(x) for x in weights]

    def loss(step):
        with torch.no_grad():
            for x, d in zip(weights, way, strict=True):
                x += step * d
        torch.manual_seed(0)  # of dropout
        return sum((part.square().mean() for part in network(stereo, noise)), torch.zeros(()))

    loss(0.0).backward()
    assert all(x.grad is not None and x.grad.isfinite().all() for x in weights)
    slope = sum(float((x.grad * d).sum()) for x, d in zip(weights, way, strict=True))
    step = 1e-6
    difference = float((loss(step) - loss(-2.0 * step)).detach()) / (2.0 * step)
    # Second order of the step, and rounding 1e-16 / 1e-6, each some orders below this.
    assert slope == pytest.approx(difference, rel=1e-5)
    assert abs(slope) > 1e-3


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 5, 8])
def test_convolutions_pad_by_reflection(stride):
    """Oracle: one-dimensional convolution of torch with reflected padding."""
    width = 7 if stride == 1 else 2 * stride
    layer = Convolution(3, 4, width, stride).double()
    weight = nn.Parameter(layer.kernel()[0].detach().clone())
    for time in range(width, 6 * width):
        maps = torch.randn(2, time, 3, dtype=torch.float64, requires_grad=True)
        right = (width - stride) // 2 + -time % stride
        padding = width - stride - (width - stride) // 2, right
        padded = functional.pad(maps.transpose(1, 2), padding, "reflect")
        wanted = functional.conv1d(padded, weight, layer.conv["conv"].bias, stride).transpose(1, 2)
        found = layer(maps)
        # Sums of some dozens of products below 1.
        torch.testing.assert_close(found, wanted, rtol=0.0, atol=1e-13)
        (slope,) = torch.autograd.grad(wanted.square().sum(), maps)
        (found_slope,) = torch.autograd.grad(found.square().sum(), maps)
        torch.testing.assert_close(found_slope, slope, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("stride", [2, 3, 4, 5, 8])
def test_transposed_convolutions_cut_both_ends(stride):
    """Oracle: the convolution of torch, trimmed by hand."""
    layer = TransposedConvolution(3, 4, stride).double()
    weight, bias = layer.convtr["convtr"]()
    for time in (1, 2, 7):
        maps = torch.randn(2, time, 3, dtype=torch.float64)
        whole = functional.conv_transpose1d(maps.transpose(1, 2), weight, bias, stride)
        left = stride - stride // 2
        wanted = whole[..., left : left + time * stride].transpose(1, 2)
        torch.testing.assert_close(layer(maps), wanted, rtol=0.0, atol=1e-13)


def test_weight_norm_equals_that_of_torch():
    layer = Convolution(3, 4, 5).double()
    other = nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 4, 5).double())
    other.load_state_dict(layer.conv["conv"].state_dict())  # of old checkpoints: the same names
    torch.testing.assert_close(layer.kernel()[0], other.weight, rtol=0.0, atol=1e-15)


def test_the_transformer_equals_that_of_torch():
    layer = nn.TransformerEncoderLayer(16, 8, 24, batch_first=True)
    wanted = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).double().eval()
    network = Transformer(2, 16, 8, 24).double().eval()
    network.load_state_dict(wanted.state_dict(), strict=True)
    frames = torch.randn(2, 9, 16, dtype=torch.float64)
    with torch.no_grad():
        # Values of about 1.
        torch.testing.assert_close(network(frames), wanted(frames), rtol=0.0, atol=1e-13)
        network.train()
        torch.manual_seed(0)
        first = network(frames)
        assert not torch.equal(first, network(frames))  # dropout is on


def narrow(latent_size=64):
    return PublishedConfig(latent_size, filters=4, reduction=4)


@pytest.fixture
def _narrow(monkeypatch):
    """Use narrow encoders, so that checkpoints are small."""
    monkeypatch.setattr(checkpoint, "PublishedConfig", narrow)


class Bomb:
    def __reduce__(self):
        return os.system, ("touch exploded",)


def saved(path, what, **options):
    torch.save(what, path, **options)
    return path


def zipped(path, name, data, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path, "cannot be read: No such file or directory"),
        (lambda path: path.write_text("no"), "is not a valid torch checkpoint"),
        (
            lambda path: saved(path, {}, _use_new_zipfile_serialization=False),
            "is not a valid torch checkpoint",
        ),
        (
            lambda path: path.write_bytes(saved(path, {}).read_bytes()[:-30]),
            "is not a valid torch checkpoint",
        ),
        (
            lambda path: zipped(path, "a/data.pkl", b"0" * 9999, zipfile.ZIP_DEFLATED),
            "has compressed entries, which torch checkpoints do not have",
        ),
        (
            lambda path: zipped(path, "a/data.pkl", b"0" * 1_000_001),
            "has more than 1000000 bytes beside its tensors",
        ),
        (
            lambda path: zipped(path, "a/data.pkl", b"0" * 99),
            "is damaged, or contains objects other",
        ),
        (lambda path: zipped(path, "some.txt", b"text"), "is damaged, or contains objects other"),
        (lambda path: saved(path, Bomb()), "which are not loaded (UnpicklingError)"),
        (lambda path: saved(path, [torch.zeros(3)]), "must contain a dict of tensors by name"),
        (
            lambda path: saved(path, {"state": {"x": torch.zeros(3)}}),
            "under one of the keys 'state_dict', 'model', 'model_state_dict'; found none",
        ),
        (
            lambda path: saved(path, {"epoch": 3, "model": {}, "state_dict": {}}),
            "under one of the keys 'state_dict', 'model', 'model_state_dict'; found several",
        ),
        (
            lambda path: saved(path, {"model": {"model": {"x": torch.zeros(3)}}}),
            "'model_state_dict'; found none",
        ),
        (
            lambda path: saved(
                path, {"module.mu_layer.weight": torch.ones(3), "mu_layer.bias": torch.ones(3)}
            ),
            "must have the prefix 'module.' in all names or in none; tensor 'mu_layer.bias' does",
        ),
        (
            lambda path: saved(path, {"model": {"module.mu_layer.weight": torch.ones(64, 64)}}),
            "tensor 'decoder.model.0.conv.conv.bias' is missing",
        ),
        (lambda path: saved(path, {3: torch.zeros(3)}), "must contain a dict of tensors by name"),
        (
            lambda path: saved(path, {"x": torch.zeros(3, device="meta")}),
            "must contain a dict of tensors",
        ),
        (lambda path: saved(path, {}), "tensor 'decoder.model.0.conv.conv.bias' is missing"),
        (lambda path: saved(path, {"mu_layer.weight": torch.tensor(1.0)}), "is missing"),
    ],
)
def test_invalid_checkpoints_are_refused_in_one_sentence(
    tmp_path, capsys, monkeypatch, make, message
):
    monkeypatch.chdir(tmp_path)
    source = Path("model.pth")
    make(source)
    there = sorted(tmp_path.iterdir())
    assert main(["convert-checkpoint", "model.pth", "-o", "out.safetensors"]) == 2
    output_text = capsys.readouterr().err
    assert output_text.startswith("Error: model.pth ")
    assert message in output_text
    assert output_text.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == there  # nothing ran, nothing is half written


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("more", torch.zeros(1), "tensor 'more' is unknown"),
        (
            "log_var_layer.bias",
            torch.zeros(1).expand(10**12),
            r"'log_var_layer.bias' must have shape \(64,\) and type torch.float32, float16 or "
            r"bfloat16, got \(10+,\)",
        ),
        ("mu_layer.bias", torch.zeros(1).half().expand(10**12), r"got \(10+,\) and torch.float16"),
        ("mu_layer.bias", torch.full((64,), torch.inf).half(), "'mu_layer.bias' has weights that"),
        ("mu_layer.bias", torch.zeros(64).double(), r"got \(64,\) and torch.float64"),
        ("mu_layer.weight", torch.zeros(6, 6), r"must have shape \(64, 64\)"),
        ("mu_layer.bias", torch.full((64,), torch.nan), "'mu_layer.bias' has weights that are NaN"),
    ],
)
@pytest.mark.usefixtures("_narrow")
def test_tensors_must_match_the_network(tmp_path, name, change, message):
    state = PublishedAmbisonizer(narrow()).state_dict()
    source = saved(tmp_path / "model.pth", state | {name: change})
    with pytest.raises(WeightsError, match=message):
        convert_checkpoint(source, tmp_path / "out.safetensors")
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.usefixtures("_narrow")
def test_a_checkpoint_of_another_latent_size_is_converted(tmp_path):
    source = saved(tmp_path / "model.pth", PublishedAmbisonizer(narrow(12)).state_dict())
    convert_checkpoint(source, tmp_path / "out.safetensors")
    loaded, _ = load_published(tmp_path / "out.safetensors")
    assert loaded.config == narrow(12)


@pytest.mark.parametrize(
    ("wrapper", "prefix", "dtype"),
    [
        (None, "module.", torch.float16),
        ("state_dict", "", torch.bfloat16),
        ("model", "net._orig_mod.", torch.float32),
        ("model_state_dict", "module.", torch.float32),
    ],
)
@pytest.mark.usefixtures("_narrow")
def test_common_forms_of_checkpoints_are_converted(tmp_path, wrapper, prefix, dtype):
    network = PublishedAmbisonizer(narrow())
    state = {f"{prefix}{name}": x.to(dtype) for name, x in network.state_dict().items()}
    extra = {"epoch": 3, "loss": 0.5, "optimizer": {"state": {0: {"step": torch.tensor(2.0)}}}}
    source = saved(tmp_path / "model.pth", {**extra, wrapper: state} if wrapper else state)
    target = tmp_path / "out.safetensors"
    convert_checkpoint(source, target)
    found = load_weights(target, MODEL)[0].state_dict()
    for name, tensor in network.state_dict().items():
        assert found[name].dtype == torch.float32
        assert torch.equal(found[name], tensor.to(dtype).float())


@pytest.mark.usefixtures("_narrow")
def test_buffers_that_are_no_weights_are_ignored_and_named(tmp_path):
    average = torch.optim.swa_utils.AveragedModel(PublishedAmbisonizer(narrow()))
    state = average.state_dict() | {"module.encoder.total_ops": torch.zeros(1).double()}
    source = saved(tmp_path / "model.pth", state)
    target = tmp_path / "out.safetensors"
    with pytest.warns(SpatialkitWarning, match="ignored: n_averaged, module.encoder.total_ops"):
        convert_checkpoint(source, target)
    saved(source, state | {"module.encoder.running_mean": torch.zeros(1)})
    with (
        pytest.warns(SpatialkitWarning, match="ignored"),
        pytest.raises(WeightsError, match=r"tensor 'encoder.running_mean' is unknown"),
    ):
        convert_checkpoint(source, target)


def test_large_files_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "MAX_BYTES", 100)
    source = saved(tmp_path / "model.pth", {})
    with pytest.raises(WeightsError, match="is larger than 100 bytes, the maximum"):
        convert_checkpoint(source, tmp_path / "out.safetensors")


def test_the_command_protects_existing_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    saved(Path("model.pth"), {})
    for output, message in (
        ("out.pth", "unsupported output extension '.pth' of out.pth; use .safetensors"),
        ("there.safetensors", "there.safetensors exists: add --force to replace it"),
        ("card.safetensors", "card.json exists: add --force to replace it"),
    ):
        Path("there.safetensors").touch()
        Path("card.json").touch()
        assert main(["convert-checkpoint", "model.pth", "-o", output]) == 2
        assert capsys.readouterr().err == f"Error: {message}\n"
    monkeypatch.setattr(convert, "NEEDED", ("click", "not_there"))
    assert main(["convert-checkpoint", "model.pth", "-o", "out.safetensors"]) == 2
    assert "converting needs not_there: spatialkit's extra `models`" in capsys.readouterr().err


@pytest.mark.usefixtures("_narrow")
def test_the_command_reports_its_output(tmp_path, capsys):
    network = PublishedAmbisonizer(narrow())
    source, output = saved(tmp_path / "in.pth", network.state_dict()), tmp_path / "out.safetensors"
    line = ["convert-checkpoint", str(source), "-o", str(output)]
    assert main(line) == 0
    card, count = output.with_suffix(".json"), sum(x.numel() for x in network.parameters())
    output_text = f"{output}: published Ambisonizer, {count:,} parameters; card {card}\n"
    assert capsys.readouterr().out == output_text
    assert main([*line, "--force", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts.pop("output") == str(output)
    assert facts.pop("card_file") == str(card)
    assert facts == json.loads(card.read_text())


def test_the_command_is_light_and_named_in_the_entry_points():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    setup = Path(__file__).parents[3] / "setup.cfg"
    if setup.exists():
        entry = "\n    convert-checkpoint = spatialkit_models.commands.convert:command\n"
        assert entry in setup.read_text()
