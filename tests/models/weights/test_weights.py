"""Weights and model cards: round trips, and one clear error for everything else."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from dataclasses import asdict, dataclass, replace

import pytest

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

from spatialkit.errors import OptionError, SpatialkitError
from spatialkit_models.weights import (
    ARCHITECTURES,
    Architecture,
    Card,
    WeightsError,
    cards,
    load_weights,
    save_weights,
    shipped,
    shipped_names,
)


@dataclass(frozen=True)
class Shape:
    width: int


class Net(torch.nn.Module):
    def __init__(self, config, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.layer = torch.nn.Linear(3, config.width)
        self.norm = torch.nn.BatchNorm1d(config.width)  # has a buffer of whole numbers


def net(width, seed=0):
    return Net(Shape(width), seed)


@pytest.fixture(autouse=True)
def _architecture(monkeypatch):
    own = Architecture("net", f"{__name__}:Shape", f"{__name__}:Net")
    monkeypatch.setitem(ARCHITECTURES, "net-wide", own)


@pytest.fixture
def path(tmp_path):
    """Valid weights, which a test then damages."""
    card = Card(
        model="net",
        architecture="net-wide",
        config={"width": 4},
        steps=12,
        command="train",
        data=[{"name": "noise", "licence": "CC0-1.0"}],
        figures={"snr": 3.5},
    )
    save_weights(tmp_path / "net.safetensors", net(4, seed=9), card)
    return tmp_path / "net.safetensors"


def refused(path):
    with pytest.raises(WeightsError) as caught:
        load_weights(path, "net")
    assert isinstance(caught.value, (SpatialkitError, ValueError))
    return str(caught.value)


def change_card(path, **values):
    card = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(card | values))


def replace_tensors(path, tensors):
    """Replace the tensor file and the hash in its card."""
    data = tensors if isinstance(tensors, bytes) else safetensors.save(tensors)
    path.write_bytes(data)
    change_card(path, sha256=hashlib.sha256(data).hexdigest())


def test_weights_are_unchanged_by_a_round_trip(path):
    model, card = load_weights(path, "net")
    wanted = net(4, seed=9).state_dict()
    assert not model.training
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in model.state_dict().items())
    assert card.parameters == 3 * 4 + 4 + 4 + 4
    assert card.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (card.steps, card.figures) == (12, {"snr": 3.5})
    assert card.data == [{"name": "noise", "licence": "CC0-1.0"}]
    assert json.loads(path.with_suffix(".json").read_text()) == asdict(card)


@pytest.mark.parametrize(
    ("storage", "size", "mantissa", "smallest"),
    [("float16", 0.6, 11, 1e-7), ("float8_e4m3fn", 0.35, 4, 2**-10)],
)
def test_lower_precision_saves_space_and_loads_as_float32(
    tmp_path, storage, size, mantissa, smallest
):
    model = net(500, seed=9)
    files = []
    for name in ("float32", storage):
        files.append(tmp_path / f"{name}.safetensors")
        card = Card(model="net", architecture="net-wide", config={"width": 500}, storage=name)
        save_weights(files[-1], model, card)
    full, small = (file.stat().st_size for file in files)
    assert small < size * full
    loaded, _ = load_weights(files[1], "net")
    assert loaded.layer.weight.dtype == torch.float32
    # Rounded to the bits of the mantissa, or to multiples of the smallest number.
    torch.testing.assert_close(
        loaded.layer.weight, model.layer.weight, rtol=2.0**-mantissa, atol=smallest
    )
    assert not torch.equal(loaded.layer.weight, model.layer.weight)


def test_invalid_weights_are_refused_and_the_old_file_is_kept(path, monkeypatch):
    before = path.read_bytes(), path.with_suffix(".json").read_bytes()
    card = Card(model="net", architecture="net-wide", config={"width": 4}, storage="float16")
    model = net(4)
    with torch.no_grad():
        model.layer.weight[0, 0] = 1e5  # float16 ends at 65504
    with pytest.raises(WeightsError, match=r"tensor 'layer\.weight' has weights that are NaN or"):
        save_weights(path, model, card)

    def full(*names):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(WeightsError, match=r"net\.safetensors cannot be written: No space left"):
        save_weights(path, net(4), card)
    assert (path.read_bytes(), path.with_suffix(".json").read_bytes()) == before


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(OptionError, match=r"^weights must be a \.safetensors file, got .*net\.pt"):
        load_weights(tmp_path / "net.pt", "net")
    with pytest.raises(OptionError, match=r"^unknown storage 'x'. Accepted: 'float32', 'float16'"):
        Card(model="net", architecture="net-wide", config={}, storage="x")


def test_a_missing_file_is_named(path):
    path.with_suffix(".json").unlink()
    assert refused(path).endswith(
        "net.json not found: a file of weights needs its model card beside it"
    )
    path.unlink()
    assert refused(path).endswith("net.safetensors cannot be read: No such file or directory")


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:-1] + b"!"])
def test_a_damaged_file_does_not_match_its_card(path, damage):
    path.write_bytes(damage(path.read_bytes()))
    assert "net.safetensors does not match its model card" in refused(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF....WAVE",
        (2**62).to_bytes(8, "little") + b"{}",
        b"\x02\0\0\0\0\0\0\0[]",
        safetensors.save({"layer.weight": torch.zeros(9)})[:-1],
    ],
)
def test_a_file_of_another_format_is_refused_even_if_its_hash_is_right(path, data):
    replace_tensors(path, data)
    assert "net.safetensors is not a valid safetensors file" in refused(path)


class Bomb:
    def __reduce__(self):
        return os.system, ("touch exploded",)


def test_nothing_is_unpickled(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    replace_tensors(path, pickle.dumps(Bomb()))
    assert "is not a valid safetensors file" in refused(path)
    assert not (path.parent / "exploded").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"layer.bias": None},
            "match the architecture net-wide: tensor 'layer.bias' is missing",
        ),
        ({"more": torch.zeros(1)}, "architecture net-wide: tensor 'more' is unknown"),
        (
            {"layer.weight": torch.zeros(3, 4)},
            "'layer.weight' must have shape (4, 3) and type torch.float32, got (3, 4) and",
        ),
        (
            {"layer.bias": torch.zeros(4, dtype=torch.float64)},
            "type torch.float32, got (4,) and torch.float64",
        ),
        ({"norm.weight": torch.full((4,), torch.nan)}, "'norm.weight' has weights that are NaN"),
    ],
)
def test_tensors_must_match_the_architecture(path, change, message):
    tensors = net(4).state_dict() | change
    replace_tensors(path, {name: x for name, x in tensors.items() if x is not None})
    assert message in refused(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "other"}, "'net-wide' does not belong to the model 'other'"),
        ({"architecture": "net-deep"}, "net.json: unknown architecture 'net-deep'; accepted: "),
        ({"recipe": []}, "card: recipe must be a JSON object, got []"),
        ({"steps": -1}, "card: steps must be at least 0, got -1"),
        ({"parameters": "9"}, "card: parameters must be a whole number, got '9'"),
        ({"data": [1]}, "card: data must be a list of JSON objects, got [1]"),
        ({"shared": {"part": {"weights": "x"}}}, "must have the fields weights and sha256"),
        ({"config": {"depth": 4}}, "net.json does not describe a net-wide network: "),
        ({"config": 4}, "card: config must be a JSON object, got 4"),
        ({"config": {"width": "4"}}, "config: width must be a whole number, got '4'"),
        ({"config": {"width": 10**9}}, "must have shape (1000000000, 3)"),
        ({"config": {"width": 5}}, "must have shape (5, 3)"),
        ({"storage": "int8"}, "card: unknown storage 'int8'"),
        ({"storage": "float16"}, "type torch.float16, got"),
        ({"colour": "red"}, "net.json is not a valid model card: unknown field 'colour'"),
        ({"sha256": None}, "card: sha256 must be text, got None"),
        ({"sha256": "0" * 64}, "does not match its model card"),
    ],
)
def test_a_card_must_match_its_weights(path, change, message):
    change_card(path, **change)
    assert message in refused(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "net.json is not valid JSON"),
        (b"\xff\xfe", "net.json is not valid JSON"),
        (b"[" * 100_000, "net.json is not valid JSON"),
        (b'{"steps": 1' + b"0" * 5000 + b"}", "more than 40 digits"),
        (b"[]", "net.json must contain a JSON object, got list"),
        (
            b"{}",
            "net.json is not a valid model card: 'architecture' (one of: separator-masks, ",
        ),
        (b" " * 1_000_001, "net.json is larger than 1000000 bytes"),
    ],
)
def test_a_card_must_be_valid(path, text, message):
    path.with_suffix(".json").write_bytes(text)
    assert message in refused(path)


def test_files_beyond_the_limit_are_not_read(path, monkeypatch):
    monkeypatch.setattr(cards, "MAX_BYTES", 100)
    assert "net.safetensors is larger than 100 bytes, the maximum for this file" in refused(path)


def test_weights_of_the_package_are_found_by_name(path, monkeypatch):
    monkeypatch.setattr(cards, "SHIPPED", path.parent)
    assert shipped_names() == ("net",)
    assert shipped("net") == path
    for name in ("other", "../net", ""):
        with pytest.raises(
            WeightsError, match=f"^unknown weights '{name}'; .* contains: net .the option weights="
        ):
            shipped(name)


# Parts that are shared with other weights of the package.


class Whole(torch.nn.Module):
    """A network with the network of other weights in it."""

    def __init__(self, config):
        super().__init__()
        self.part = net(config.width, seed=1)
        self.end = torch.nn.Linear(config.width, 2)


@pytest.fixture
def whole(path, monkeypatch):
    """Weights whose part is that of ``path``, which stands for weights of the package."""
    monkeypatch.setitem(
        ARCHITECTURES, "net-whole", Architecture("net", f"{__name__}:Shape", f"{__name__}:Whole")
    )
    monkeypatch.setattr(cards, "SHIPPED", path.parent)
    network = Whole(Shape(4))
    network.part.load_state_dict(net(4, seed=9).state_dict())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    shared = {"part": {"weights": "net", "sha256": digest}}
    card = Card(model="net", architecture="net-whole", config={"width": 4}, shared=shared)
    save_weights(path.with_name("whole.safetensors"), network, card)
    return path.with_name("whole.safetensors"), network, card


def test_a_shared_part_is_stored_once_and_loaded_into_the_network(whole):
    path, network, _ = whole
    stored = safetensors.load_file(path)
    assert sorted(stored) == ["end.bias", "end.weight"]
    loaded, _ = load_weights(path, "net")
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)


def test_a_shared_part_keeps_the_precision_of_its_own_file(whole):
    path, network, card = whole
    save_weights(path, network, replace(card, storage="float16"))
    loaded, _ = load_weights(path, "net")
    assert torch.equal(loaded.part.layer.weight, network.part.layer.weight)
    assert torch.equal(loaded.end.weight, network.end.weight.half().float())


def test_another_version_of_a_shared_part_is_refused(whole, path):
    card = json.loads(path.with_suffix(".json").read_text())
    save_weights(path, net(4, seed=3), Card(**card))
    assert "needs another version of the weights 'net'" in refused(whole[0])


def test_a_network_with_another_part_is_not_saved_as_shared(whole):
    path, network, card = whole
    with torch.no_grad():
        network.part.layer.bias += 1.0
    with pytest.raises(WeightsError, match="differs from the shared weights"):
        save_weights(path, network, card)
