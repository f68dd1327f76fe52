"""Tests of the examples: each is run as a script."""

import ast
import json
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import spatialkit
from spatialkit.sample import sample_path
from spatialkit_models.weights import cards

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))
# Examples of neural upmixers, and examples that train.
NEURAL = ("08_style_transfer", "09_blind_upmixing")
AMBISONICS = "11_stereo_to_ambisonics"
TRAINING = "10_train_on_stems"
ROOMS = "12_rooms_and_training"


def test_examples_are_numbered_without_a_gap():
    assert [path.name[:2] for path in EXAMPLES] == [f"{n:02}" for n in range(1, 1 + len(EXAMPLES))]


def run(path, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [str(path), *map(str, arguments)])
    runpy.run_path(str(path), run_name="__main__")


def quick_examples():
    return [path for path in EXAMPLES if path.stem not in (*NEURAL, AMBISONICS, TRAINING, ROOMS)]


@pytest.fixture(autouse=True)
def _figures(monkeypatch):
    """Draw figures without a display, and close them."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.mark.parametrize("path", quick_examples(), ids=lambda path: path.stem)
def test_examples_print_and_draw(path, tmp_path, capsys, monkeypatch):
    run(path, monkeypatch, *([] if path.stem.startswith("07") else [tmp_path]))
    assert len(capsys.readouterr().out.splitlines()) >= 5


def test_the_notebook_runs_and_shows_the_last_value_of_each_cell(capsys):
    """Cells are run as notebooks do; nbclient and a kernel would take 40 more packages."""
    notebook = json.loads((ROOT / "examples" / "plots.ipynb").read_text(encoding="utf-8"))
    names, shown = {}, []
    for cell in notebook["cells"]:
        assert not cell.get("outputs"), "notebooks are stored without outputs"
        if cell["cell_type"] != "code":
            continue
        body = ast.parse("".join(cell["source"])).body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), "plots.ipynb", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "plots.ipynb", "eval"), names)
            rich = [kind for kind in ("_repr_html_", "_repr_png_") if hasattr(value, kind)]
            assert [
                getattr(value, kind)() for kind in rich if getattr(value, kind)()
            ] or value.any()
            shown.append(type(value).__name__)
    assert shown.count("NotebookFigure") == 6
    assert {"Layout", "Audio", "DecoderReport"} <= set(shown)
    assert capsys.readouterr().out.startswith("correlation 0.")


@pytest.mark.parametrize("name", NEURAL)
def test_examples_of_neural_upmixers_write_the_printed_files(name, tmp_path, capsys, monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    run(ROOT / "examples" / f"{name}.py", monkeypatch, tmp_path)
    output = capsys.readouterr().out
    assert len(output.splitlines()) >= 5
    written = sorted(path for path in tmp_path.iterdir() if path.suffix != ".ogg")
    assert len(written) == 3
    for path in written:
        assert str(path) in output
        if path.suffix == ".wav":
            assert spatialkit.info(path).channels == 5
    for path in tmp_path.glob("*.ogg"):
        assert spatialkit.info(path).channels == 2


def test_the_ambisonics_example_preserves_w_and_y(tmp_path, capsys, monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    rate = 22050
    song = spatialkit.read(spatialkit.sample_path(), sample_rate=rate).samples
    song = song[:, 16 * rate : 20 * rate]
    spatialkit.write(tmp_path / "song.wav", song, rate)
    folder = tmp_path / "results"
    run(ROOT / "examples" / f"{AMBISONICS}.py", monkeypatch, tmp_path / "song.wav", folder)
    output = capsys.readouterr().out
    results = {path.name: spatialkit.read(path).samples for path in folder.glob("*.wav")}
    assert len(results) == 11
    assert all(str(folder / name) in output for name in results)
    front_power = []
    for stage in ("front", "band", "drums-rear"):
        w, y, z, x = results[f"song-{stage}-foa.wav"]
        np.testing.assert_allclose([w + y, w - y], song, atol=1e-6)
        assert not z.any()
        front_power.append(np.dot(w, x))
        assert results[f"song-{stage}-5.0.wav"].shape == (5, 4 * rate)
        np.testing.assert_allclose(results[f"song-{stage}-pair.wav"].mean(axis=0), w, atol=1e-6)
    assert front_power[0] > max(0.0, *front_power[1:])
    for seed in range(2):
        w = results[f"song-mono-seed-{seed}-foa.wav"][0]
        np.testing.assert_array_equal(w, song.mean(axis=0))


@pytest.fixture
def excerpt(tmp_path, monkeypatch):
    """Replace the bundled song by four seconds of it and return their number of samples."""
    folder, rate = tmp_path / "excerpt", 44100
    folder.mkdir()
    for name in ("mixture", "vocals", "drums", "bass", "other"):
        audio = spatialkit.read(sample_path(name)).samples
        spatialkit.write(folder / f"{name}.wav", audio[:, 16 * rate : 20 * rate], rate)
    monkeypatch.setattr(spatialkit, "sample_path", lambda name="mixture": folder / f"{name}.wav")
    return 4 * rate


@pytest.fixture
def songs(tmp_path):
    """Write six songs of eight seconds, cut from the bundled one; one is for validation."""
    rate = 22050
    for stem in ("vocals", "drums", "bass", "other"):
        audio = spatialkit.read(sample_path(stem), sample_rate=rate).samples
        for number in range(6):
            folder = tmp_path / "songs" / ("train" if number else "valid") / f"song-{number}"
            folder.mkdir(parents=True, exist_ok=True)
            excerpt = audio[:, 4 * number * rate : 4 * (number + 2) * rate]
            spatialkit.write(folder / f"{stem}.wav", excerpt, rate)
    return tmp_path / "songs"


@pytest.mark.usefixtures("excerpt")
def test_the_training_example_trains_on_a_folder_of_stems(songs, tmp_path, capsys, monkeypatch):
    for module in ("torch", "safetensors", "lightning_fabric", "tensorboard"):
        pytest.importorskip(module)
    from spatialkit_models.style_vae import training_task

    monkeypatch.setattr(training_task, "CALIBRATION_SCENES", 4)
    monkeypatch.setattr(training_task, "VALIDATION_SCENES", 2)
    out = tmp_path / "run"
    run(ROOT / "examples" / f"{TRAINING}.py", monkeypatch, songs, out, "--minutes", "0.01")
    assert f"written: {out / 'francium.wav'}" in capsys.readouterr().out
    assert spatialkit.info(out / "francium.wav").channels == 5
    assert (out / "best.safetensors").exists()


@pytest.mark.usefixtures("excerpt")
def test_the_rooms_example_simulates_rooms_and_trains(songs, tmp_path, capsys, monkeypatch):
    for module in ("torch", "safetensors", "lightning_fabric", "tensorboard", "pyroomacoustics"):
        pytest.importorskip(module)
    from spatialkit_models.ambisonizer import training_task
    from spatialkit_models.data import rooms

    # One small room for all: fast to simulate.
    room = rooms.simulate_room(0, 1, directions=1, rt60=(0.2, 0.3), sample_rate=22050)
    monkeypatch.setattr(rooms, "simulate_room", lambda *place, **settings: room)
    monkeypatch.setattr(training_task, "CALIBRATION_SCENES", 4)
    monkeypatch.setattr(training_task, "VALIDATION_SCENES", 2)
    monkeypatch.setattr(training_task, "VALIDATION_SECONDS", 2.0)
    out = tmp_path / "out"
    run(ROOT / "examples" / f"{ROOMS}.py", monkeypatch, songs, out, "--minutes", "0.01")
    output = capsys.readouterr().out
    assert "room-00005: RT60" in output
    assert f"written: {out / 'francium.wav'}" in output
    assert spatialkit.info(out / "francium.wav").channels == 4
    assert (out / "run" / "best.safetensors").exists()


def test_the_demo_writes_the_printed_files(excerpt, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "demo"
    run(ROOT / "examples" / "demo.py", monkeypatch, folder)
    output = capsys.readouterr().out
    names = ["francium-5.1.wav", "francium-7.1.4.wav"]
    if find_spec("torch") and find_spec("safetensors"):
        names.append("francium-style-vae-5.0.wav")
    assert sorted(path.name for path in folder.iterdir()) == sorted([*names, "report.html"])
    assert output.splitlines()[-1] == str(folder / "report.html")
    for name in names:
        assert str(folder / name) in output
        assert spatialkit.info(folder / name).samples == excerpt


@pytest.mark.usefixtures("excerpt")
def test_without_torch_the_demo_skips_the_neural_upmixer(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cards, "find_spec", lambda module: None)
    folder = tmp_path / "demo"
    run(ROOT / "examples" / "demo.py", monkeypatch, folder)
    assert (
        "skipped francium-style-vae-5.0.wav: upmixer 'style-vae' needs spatialkit's extra `models`"
        in capsys.readouterr().out
    )
    assert sorted(path.name for path in folder.iterdir()) == [
        "francium-5.1.wav",
        "francium-7.1.4.wav",
        "report.html",
    ]


def test_the_example_of_osc_plays_in_a_callback(tmp_path, monkeypatch, capsys):
    """The sound card is a thread that asks for a few blocks."""
    import socket
    import types

    received = []

    class OutputStream:
        def __init__(self, rate, block, channels, callback):
            self.block, self.channels, self.callback = block, channels, callback

        def __enter__(self):
            for _ in range(50):
                out = np.empty((self.block, self.channels), np.float32)
                self.callback(out, self.block, None, None)
                received.append(out)
            raise KeyboardInterrupt

        def __exit__(self, *raised):
            pass

    device = types.ModuleType("sounddevice")
    device.OutputStream = OutputStream
    device.query_devices = lambda kind: {"max_output_channels": 2}
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        taken.bind(("127.0.0.1", 4001))
    except OSError:
        pytest.skip("port 4001 is in use")
    taken.close()
    (path,) = [path for path in EXAMPLES if "osc" in path.stem]
    with pytest.raises(KeyboardInterrupt):
        run(path, monkeypatch, "--live")
    joined = np.concatenate(received)
    assert joined.shape == (50 * 512, 2)
    assert 0.1 < np.abs(joined).max() < 1.0
