"""A-format to B-format, against plane waves recorded by ideal capsules; rotation of files."""

from __future__ import annotations

import numpy as np
import pytest

from spatialkit import encode_foa, rotate_foa
from spatialkit.ambisonics import a_to_b
from spatialkit.commands import main
from spatialkit.errors import OptionError, ShapeError
from spatialkit.files import read, write
from spatialkit.geometry import to_cartesian

CAPSULES = to_cartesian(
    [45.0, -45.0, 135.0, -135.0], np.degrees(np.arctan(np.sqrt(0.5))) * np.array([1, -1, -1, 1])
)


def recorded(signal, azimuth, elevation, pattern=0.5, flip=1.0):
    """Signals of ideal capsules in a plane wave; ``flip`` -1 hangs them upside down."""
    axes = CAPSULES * [1.0, flip, flip]
    gains = pattern + (1.0 - pattern) * axes @ to_cartesian(azimuth, elevation)
    return gains[:, None] * signal


@pytest.mark.parametrize("pattern", [0.25, 0.5, 0.7])
@pytest.mark.parametrize("direction", [(0, 0), (90, 0), (-30, 60), (170, -45), (0, 90)])
def test_a_plane_wave_is_encoded(rng, direction, pattern):
    signal = rng.standard_normal(100)
    expected = encode_foa(signal, *direction)
    found = a_to_b(recorded(signal, *direction, pattern), pattern=pattern)
    assert np.abs(found - expected).max() < 1e-12
    hanging = recorded(signal, *direction, flip=-1.0)
    assert np.abs(a_to_b(hanging, "zoom-h3-vr", upside_down=True) - expected).max() < 1e-12


@pytest.mark.parametrize("order", [(3, 1, 0, 2), (0, 1, 2, 3)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_capsules_in_any_order_are_encoded(rng, order, mirrored):
    """The other four corners of the cube are a tetrahedron, too."""
    signal, labels = rng.standard_normal(100), ["FLU", "FRD", "BLD", "BRU"]
    if mirrored:
        labels = [label.translate(str.maketrans("LR", "RL")) for label in labels]
    signals = recorded(signal, 40.0 * (-1) ** mirrored, 25.0)[list(order)]
    found = a_to_b(signals, [labels[number] for number in order])
    assert np.abs(found - encode_foa(signal, 40.0, 25.0)).max() < 1e-12


def test_other_arguments_are_refused():
    for capsules in (["FLU", "FRU", "BLD", "BRD"], ["FLU"] * 4, ["FLU"], ["F", "L", "U", "D"]):
        with pytest.raises(OptionError, match="geometry must be the four corners of a tetrahedron"):
            a_to_b(np.zeros((4, 1)), capsules)
    with pytest.raises(OptionError, match=r"geometry 'tetrahedron'.*'tetrahedral'"):
        a_to_b(np.zeros((4, 1)), "tetrahedron")
    with pytest.raises(OptionError, match=r"pattern must be from 0\.05 to 0\.95"):
        a_to_b(np.zeros((4, 1)), pattern=1.0)
    with pytest.raises(ShapeError, match="4"):
        a_to_b(np.zeros((3, 1)))


def test_commands_convert_and_rotate(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    signal = np.sin(np.arange(4800) / 9.0)
    write("capsules.wav", recorded(signal, 30.0, 10.0).astype(np.float32), 48000)
    assert main(["encode", "capsules.wav", "-o", "scene.wav", "--a-format", "rode-nt-sf1"]) == 0
    scene = read("scene.wav")
    assert scene.format.name == "ambix1"
    assert np.abs(scene.samples - encode_foa(signal, 30.0, 10.0)).max() < 1e-6
    angles = ["--yaw", "40", "--pitch", "-5", "--roll", "3"]
    assert main(["rotate", "scene.wav", "-o", "turned.wav", *angles]) == 0
    expected = rotate_foa(scene.samples, 40.0, -5.0, 3.0)
    assert np.abs(read("turned.wav").samples - expected).max() < 1e-6
    assert (
        main(
            ["encode", "capsules.wav", "-o", "b.wav", "--a-format", "rode-nt-sf1", "--azimuth", "3"]
        )
        == 2
    )
    assert "--a-format excludes --azimuth" in capsys.readouterr().err
    write("stereo.wav", np.zeros((2, 9)), 48000)
    assert main(["rotate", "stereo.wav", "-o", "b.wav", "--yaw", "1"]) == 2
    assert main(["encode", "stereo.wav", "-o", "b.wav", "--a-format", "tetrahedral"]) == 2
