"""Trajectories: points at any times, from arrays, CSV and JSON."""

from __future__ import annotations

import numpy as np
import pytest

from spatialkit import vbap_gains, vbap_pan
from spatialkit.commands import main
from spatialkit.errors import DirectionError, OptionError, ShapeError
from spatialkit.files import read, write
from spatialkit.geometry import angle_between, to_cartesian
from spatialkit.trajectory import Trajectory, read_trajectory


def test_values_between_points_and_beyond_the_ends():
    path = Trajectory([1.0, 3.0], [-30.0, 30.0], [0.0, 0.0], spread=[0.0, 90.0], gain=[1.0, 0.0])
    assert path.at(2.5) == pytest.approx(
        {"azimuth": 15.0, "elevation": 0.0, "spread": 67.5, "gain": 0.25}
    )
    assert path.at(-5.0) == pytest.approx(path.at(1.0))
    assert path.at(99.0) == pytest.approx(path.at(3.0))


def test_directions_follow_the_shortest_arc_at_constant_speed():
    path = Trajectory([0.0, 1.0, 4.0], [170.0, -170.0, -60.0], [10.0, 40.0, -20.0])
    ends = to_cartesian(path.azimuth, path.elevation)
    for start, stop, first in ((0.0, 1.0, 0), (1.0, 4.0, 1)):
        whole = angle_between(ends[first], ends[first + 1])
        for fraction in (0.1, 0.5, 0.9):
            point = path.at(start + fraction * (stop - start))
            vector = to_cartesian(point["azimuth"], point["elevation"])
            assert angle_between(ends[first], vector) == pytest.approx(fraction * whole)
            assert angle_between(vector, ends[first + 1]) == pytest.approx((1 - fraction) * whole)
    assert Trajectory([0.0, 2.0], [10.0, 190.0]).at(1.0)["azimuth"] == pytest.approx(100.0)


def test_arguments_of_vbap_pan_follow_the_times_of_the_points():
    path = Trajectory([0.0, 0.1, 1.0], [0.0, 90.0, 90.0], gain=[1.0, 0.5, 0.5])
    samples, rate = 48000, 48000
    azimuth, elevation = path.directions(samples, rate)
    panned = vbap_pan(path.gains(samples, rate), azimuth, elevation, layout="7.1.4")
    for second, angle, gain in ((0.0, 0.0, 1.0), (0.05, 45.0, 0.75), (0.5, 90.0, 0.5)):
        expected = gain * vbap_gains(angle, layout="7.1.4")
        assert np.abs(panned[:, round(second * rate)] - expected).max() < 0.01


def test_distances_are_levels_of_vbap_pan():
    path = Trajectory([0.0, 0.5, 1.0], [0.0, 90.0, 90.0], distance=[2.0, 4.0, 4.0])
    assert path.at(0.25)["distance"] == pytest.approx(3.0)
    samples, rate = 48001, 48000
    azimuth, elevation = path.directions(samples, rate)
    metres = path.distances(samples, rate)
    found = vbap_pan(np.ones(samples), azimuth, elevation, layout="7.1.4", distance=metres)
    power = np.sqrt((found**2).sum(axis=0))
    expected = 1.0 / np.interp(np.arange(samples) / rate, path.seconds, path.distance)
    np.testing.assert_allclose(power, expected, rtol=1e-6)
    assert Trajectory([0.0, 1.0], 0.0, distance=3.0).distances(samples, rate).tolist() == [3.0]
    assert Trajectory([0.0, 1.0], 0.0).distances(samples, rate) is None
    assert "distance" not in Trajectory([0.0, 1.0], 0.0).at(0.5)


def test_commands_follow_distances(tmp_path, capsys):
    write(tmp_path / "two.wav", np.full((2, 4800), 0.5, np.float32), 48000)
    (tmp_path / "near.csv").write_text("seconds,azimuth,distance\n0,90,2\n1,90,2\n")
    (tmp_path / "far.csv").write_text("seconds,azimuth\n0,-90\n1,-90\n")
    command = ["encode", str(tmp_path / "two.wav"), "-o", str(tmp_path / "out.wav")]
    for name in ("near.csv", "far.csv"):
        command += ["--trajectory", str(tmp_path / name)]
    assert main(command) == 0
    w, y = read(tmp_path / "out.wav").samples[:2, 100]
    assert (w, y) == pytest.approx((0.25 + 0.5, 0.25 - 0.5), abs=1e-6)
    assert main([*command, "--force", "--distance", "3"]) == 2
    assert "--distance and a --trajectory with distances" in capsys.readouterr().err


def test_what_does_not_change_is_one_point():
    path = Trajectory([0.0, 1.0], 30.0, spread=[0.0, 10.0])
    assert [values.tolist() for values in path.directions(1000, 100)] == [[30.0], [0.0]]
    assert len(path.spreads(1000, 100)) > 1000
    assert Trajectory(0.0 * np.ones(1), 5.0).at(3.0)["azimuth"] == 5.0


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([], []), ShapeError, "seconds must have shape"),
        ((0.0, 0.0), ShapeError, "seconds must have shape"),
        (([0.0, 0.0], [1.0, 2.0]), OptionError, "increase"),
        (([0.0, np.nan], [1.0, 2.0]), OptionError, "finite"),
        (([0.0, 1.0], [1.0, 2.0, 3.0]), ShapeError, r"azimuth must .*\(2,\), as seconds, got \(3"),
        (([0.0, 1.0], 0.0, 100.0), DirectionError, "-90 to 90"),
        (([0.0, 1.0], ["a", "b"]), OptionError, "azimuth must be numbers"),
    ],
)
def test_points_that_are_not_accepted(arguments, error, words):
    with pytest.raises(error, match=words):
        Trajectory(*arguments)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "seconds,azimuth,gain\n0,10,1\n1.5,20,0.5\n"),
        ("a.csv", "\ufeffGain; Seconds; Azimuth\n1;0;10\n\n0.5;1.5;20\n"),
        ("a.csv", "seconds\tazimuth\tgain\r\n0\t10\t1\r\n1.5\t20\t.5"),
        ("a.json", '{"seconds": [0, 1.5], "azimuth": [10, 20], "gain": [1, 0.5]}'),
    ],
)
def test_files_of_points_are_read(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    path = read_trajectory(tmp_path / name)
    assert path.seconds.tolist() == [0.0, 1.5]
    assert path.azimuth.tolist() == [10.0, 20.0]
    assert path.gain.tolist() == [1.0, 0.5]
    assert repr(path) == "Trajectory(2 points, 0 to 1.5 s)"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.txt", "", "must be a .csv or .json file"),
        ("a.csv", "", "no column seconds"),
        ("a.csv", "seconds,azimuth\n0,left\n", "azimuth of point 1 is not a number: 'left'"),
        ("a.csv", "seconds,azimuth\n0,1\n1\n", "point 2 has 1 fields, not 2"),
        ("a.csv", "seconds,azimuth,height\n0,1,2\n", "unknown column 'height'; known are seconds"),
        ("a.csv", "seconds,azimuth\n1,0\n0,0\n", "a.csv: seconds must .* increase"),
        ("a.json", "[1]", "a.json"),
        ("a.json", '{"seconds": [0, "x"], "azimuth": 3}', "seconds must be numbers"),
    ],
)
def test_other_files_are_refused_with_the_place(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(OptionError, match=words):
        read_trajectory(tmp_path / name)
    with pytest.raises(OptionError, match="cannot be read"):
        read_trajectory(tmp_path / "none.csv")


@pytest.mark.parametrize("command", ["pan", "encode"])
def test_commands_follow_trajectories(tmp_path, capsys, command):
    write(tmp_path / "in.wav", 0.5 * np.ones((2, 4800), np.float32), 48000)
    (tmp_path / "a.csv").write_text("seconds,azimuth,gain\n0,0,1\n0.05,90,0.5\n")
    (tmp_path / "b.json").write_text('{"seconds": [0], "azimuth": -90, "elevation": 45}')
    files = [str(tmp_path / "in.wav"), "-o", str(tmp_path / "out.wav"), "--force"]
    paths = [f"--trajectory={tmp_path / name}" for name in ("a.csv", "b.json")]
    assert main([command, *files, *paths]) == 0
    both = read(tmp_path / "out.wav").samples
    alone = []
    for number, path in enumerate(paths):
        write(tmp_path / f"{number}.wav", 0.5 * np.ones((1, 4800), np.float32), 48000)
        source = [str(tmp_path / f"{number}.wav"), *files[1:]]
        assert main([command, *source, path]) == 0
        alone.append(read(tmp_path / "out.wav").samples)
    assert np.abs(both - sum(alone)).max() < 1e-6
    assert main([command, *files, paths[0], "--azimuth", "3"]) == 2
    assert main([command, *files]) == 2
    assert main([command, *files, *paths, paths[0]]) == 2
    said = capsys.readouterr().err
    assert "mutually exclusive" in said
    assert "--azimuth or --trajectory is required" in said
    assert "specify one file, or one per channel" in said
