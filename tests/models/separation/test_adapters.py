"""Adapters of other packages: with their real classes where these are installed, and without."""

from __future__ import annotations

import sys
import types
from importlib import import_module

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from spatialkit_models.separation import (
    SeparatorError,
    adapters,
    check_separator,
    describe_separators,
    get_separator,
)
from spatialkit_models.separation.adapters import package

RATE = 8000
# Other packages use deprecated functions of torch.
pytestmark = pytest.mark.filterwarnings("ignore")


def song(samples=RATE):
    return 0.1 * np.random.default_rng(1).standard_normal((2, samples)).astype(np.float32)


def require_conformance(separator):
    """Networks with random weights may fail the check of alignment only."""
    results = check_separator(separator, raise_on_failure=False)
    assert {result.name for result in results if result.status == "failed"} <= {"alignment"}
    assert len(results) == 12


def test_missing_packages_are_listed_with_the_command_that_installs_them(monkeypatch):
    monkeypatch.setattr(package, "find_spec", lambda module: None)
    problems = {found.name: found.problem for found in describe_separators()}
    assert problems["demucs"] == (
        "needs another package (pip install 'demucs' or pip install 'demucs-infer')"
    )
    assert "pip install 'openunmix'" in problems["open-unmix"]
    assert "pip install 'audio-separator[cpu]'" in problems["audio-separator"]
    with pytest.raises(SeparatorError, match="separator 'demucs' needs another package"):
        get_separator("demucs")


def test_a_model_that_cannot_be_loaded_is_named(monkeypatch):
    class Broken(adapters.DemucsAdapter):
        def __init__(self):
            self.options = adapters.DemucsOptions()

    def fail():
        raise OSError("no network")

    with pytest.raises(SeparatorError, match=r"load the model 'htdemucs', which is .* no network"):
        Broken()._load(fail)
    with pytest.raises(SeparatorError, match=r"at least one of the stems .* it has instrumental"):
        Broken()._accept(["Instrumental"])


@pytest.mark.parametrize("module", ["demucs", "demucs_infer"])
@pytest.mark.parametrize("extra", [(), ("guitar", "piano")])
def test_demucs(module, extra, monkeypatch):
    pytest.importorskip(module)
    monkeypatch.setattr(package, "find_spec", lambda name: name == module or None)
    torch.manual_seed(0)
    network = import_module(f"{module}.htdemucs").HTDemucs(
        sources=["drums", "bass", "other", "vocals", *extra],
        channels=8,
        depth=2,
        t_layers=1,
        bottom_channels=0,
        nfft=512,
        samplerate=RATE,
        segment=1,
    )
    monkeypatch.setattr(import_module(f"{module}.pretrained"), "get_model", lambda name: network)
    separator = get_separator("demucs", model="small")
    assert separator.stems == ("vocals", "drums", "bass", "other")
    assert separator.version.startswith(module.replace("_", "-"))
    assert "small" in separator.version
    if not extra:
        require_conformance(separator)
    audio = song()
    stems = separator.separate_window(audio, RATE)
    # The package's own function, without its random shift and without the loading of a model.
    api_class = pytest.importorskip(f"{module}.api").Separator
    api = api_class.__new__(api_class)
    api._model, api._samplerate, api._shifts, api._split = network, RATE, 0, True
    api._segment, api._overlap, api._device, api._jobs = None, 0.25, "cpu", 0
    api._callback, api._callback_arg, api._progress = None, None, False
    _, expected = api.separate_tensor(torch.from_numpy(audio), RATE)
    for number, stem in enumerate(("vocals", "drums", "bass")):
        np.testing.assert_allclose(stems[number], expected[stem].numpy(), atol=1e-5)


@pytest.fixture
def open_unmix(monkeypatch):
    """The package, without torchaudio, which it needs only to read and resample files."""
    monkeypatch.setitem(sys.modules, "torchaudio", types.ModuleType("torchaudio"))
    pytest.importorskip("openunmix")
    model = import_module("openunmix.model")
    torch.manual_seed(0)
    targets = {
        stem: model.OpenUnmix(nb_bins=2049, nb_channels=2, hidden_size=8, max_bin=256)
        for stem in ("bass", "drums", "other", "vocals")
    }
    monkeypatch.setattr(
        import_module("openunmix.utils"),
        "load_separator",
        lambda name, niter, device: model.Separator(
            target_models=targets, niter=niter, sample_rate=RATE
        ),
    )
    return model


@pytest.mark.usefixtures("open_unmix")
def test_open_unmix():
    separator = get_separator("open-unmix", model="small", iterations=0)
    assert separator.stems == ("vocals", "drums", "bass", "other")
    require_conformance(separator)
    audio = song()
    expected = separator._model(torch.from_numpy(audio)[None])[0]
    stems = separator.separate_window(audio, RATE)
    np.testing.assert_allclose(stems[2], expected[0].numpy(), atol=1e-5)


def test_audio_separator(monkeypatch, tmp_path):
    pytest.importorskip("audio_separator.separator")
    yaml = pytest.importorskip("yaml")
    from audio_separator.separator import Separator
    from audio_separator.separator.uvr_lib_v5.roformer.bs_roformer import BSRoformer

    shape = {
        "dim": 8,
        "depth": 1,
        "stereo": True,
        "num_stems": 1,
        "time_transformer_depth": 1,
        "freq_transformer_depth": 1,
        "freqs_per_bands": (41,) * 25,
        "dim_head": 8,
        "heads": 1,
        "attn_dropout": 0.0,
        "ff_dropout": 0.0,
        "flash_attn": True,
        "dim_freqs_in": 1025,
        "stft_n_fft": 2048,
        "stft_hop_length": 441,
        "stft_win_length": 2048,
        "stft_normalized": False,
        "mask_estimator_depth": 1,
    }
    config = {
        "audio": {
            "chunk_size": 88200,
            "dim_f": 1024,
            "dim_t": 256,
            "hop_length": 441,
            "n_fft": 2048,
            "num_channels": 2,
            "sample_rate": 44100,
        },
        "model": shape,
        "training": {"instruments": ["Vocals", "Instrumental"], "target_instrument": "Vocals"},
        "inference": {"batch_size": 1, "dim_t": 256, "num_overlap": 1},
    }
    (tmp_path / "small_roformer.yaml").write_text(yaml.dump(config))
    torch.manual_seed(0)
    torch.save(BSRoformer(**shape).state_dict(), tmp_path / "small_roformer.ckpt")

    def download(self, name):
        self.model_is_uvr_vip = False
        self.model_friendly_name = name
        return name, "MDXC", name, str(tmp_path / name), str(tmp_path / "small_roformer.yaml")

    monkeypatch.setattr(adapters.audio_separator, "MIN_SECONDS", 2)
    monkeypatch.setattr(Separator, "download_model_files", download)
    monkeypatch.setenv("AUDIO_SEPARATOR_MODEL_DIR", str(tmp_path))
    separator = get_separator("audio-separator", model="small_roformer.ckpt")
    assert separator.stems == ("vocals", "other")
    audio = song()
    stems = separator.separate(audio, 44100)
    np.testing.assert_allclose(stems.sum(axis=0), audio, atol=1e-6)
    assert np.abs(stems[0]).max() > 1e-4
    assert separator.separate(audio[:, :1], 44100).shape == (2, 2, 1)
