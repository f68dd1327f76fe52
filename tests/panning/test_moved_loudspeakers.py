"""Gains in rooms whose loudspeakers are not exactly where a standard specifies them.

The reference is ``ear`` 2.1.0, see data/panning/README.md.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialkit import decoder_matrix, render_matrix
from spatialkit.errors import LayoutError
from spatialkit.geometry import to_spherical
from spatialkit.layouts import Layout, get_layout, layout_names
from spatialkit.panning import layout_report, vbap_gains

DATA = Path(__file__).parents[1] / "data" / "panning"
ROOMS = np.load(DATA / "moved_rooms.npz")
NAMES = [name.removeprefix("gains ") for name in ROOMS.files if name.startswith("gains ")]
NAMED = [name for name in layout_names() if name != "mono"]


def room(name):
    system, *_ = name.split()
    return Layout(name, ROOMS[f"labels {system}"].tolist(), *ROOMS[f"angles {name}"].T)


def directions(rng, count=1500):
    vectors = rng.standard_normal((count, 3))
    azimuth, elevation = to_spherical(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    zenith = np.zeros(40), np.linspace(-90.0, 90.0, 40)
    return np.append(azimuth, zenith[0]), np.append(elevation, zenith[1])


def moved(layout, rng, size, labels=None):
    """Return a layout with all loudspeakers moved at random, with other labels if given."""
    elevation = layout.elevation + rng.uniform(-size, size, layout.n_channels)
    azimuth = layout.azimuth + rng.uniform(-size, size, layout.n_channels)
    beyond = elevation > 90.0
    azimuth[beyond] += 180.0
    elevation[beyond] = 180.0 - elevation[beyond]
    return Layout("moved", labels or layout.labels, azimuth, elevation)


def neutral(layout):
    """Return labels that specify no direction."""
    return [("LFE" if lfe else "n") + str(n) for n, lfe in enumerate(layout.is_lfe)]


# In the other rooms of 3+7+0, UH+180 is so far from its nominal direction that faces turn over.
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("3+7+0 full")])
def test_gains_in_moved_rooms_equal_those_of_the_reference(name):
    layout = room(name)
    azimuth, elevation = to_spherical(ROOMS["directions"])
    gains = vbap_gains(azimuth, elevation, layout=layout)
    # The reference gains are stored in single precision.
    np.testing.assert_allclose(gains, ROOMS[f"gains {name}"], atol=1e-6)
    assert layout_report(layout).is_nominal


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("3+7+0 full")])
def test_rooms_with_faces_turned_over_are_panned_by_real_directions(name, rng):
    layout = room(name)
    assert not layout_report(layout).is_nominal
    gains = vbap_gains(*directions(rng), layout=layout)
    np.testing.assert_allclose(np.linalg.norm(gains, axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("labelled", [True, False])
def test_small_moves_change_gains_little(name, labelled, rng):
    layout = get_layout(name)
    azimuth, elevation = directions(rng)
    gains = vbap_gains(azimuth, elevation, layout=layout)
    for size, limit in ((0.001, 0.0002), (0.01, 0.002), (0.25, 0.05)):
        other = moved(layout, rng, size, None if labelled else neutral(layout))
        found = vbap_gains(azimuth, elevation, layout=other)
        assert np.abs(found - gains).max() < limit


@pytest.mark.parametrize("name", ["7.1.4", "9.1.6", "4+5+0", "9+10+3"])
def test_small_moves_change_decoders_little(name, rng):
    layout = get_layout(name)
    other = moved(layout, rng, 0.01)
    change = decoder_matrix(other, 3) - decoder_matrix(layout, 3)
    assert np.abs(change).max() < 0.002


@given(st.sampled_from(NAMED), st.floats(-180.0, 180.0), st.integers(0, 100))
def test_gains_do_not_depend_on_where_the_front_is(name, yaw, seed):
    layout = get_layout(name)
    azimuth, elevation = directions(np.random.default_rng(seed), 200)
    rotated = Layout("rotated", neutral(layout), layout.azimuth + yaw, layout.elevation)
    plain = Layout("plain", neutral(layout), layout.azimuth, layout.elevation)
    np.testing.assert_allclose(
        vbap_gains(azimuth + yaw, elevation, layout=rotated),
        vbap_gains(azimuth, elevation, layout=plain),
        atol=1e-9,
    )
    # Without labels, the topology of a named layout is the same.
    np.testing.assert_allclose(
        vbap_gains(azimuth, elevation, layout=plain),
        vbap_gains(azimuth, elevation, layout=layout),
        atol=1e-9,
    )


def test_top_loudspeakers_a_little_off_keep_the_zenith_in_all_four():
    layout = get_layout("7.1.4").move(elevation={"TFL": 44.99})
    gains = vbap_gains(0.0, 90.0, layout=layout)
    np.testing.assert_allclose(gains[-4:], 0.5, atol=1e-3)


def test_nominal_directions_are_those_of_labels_or_given():
    five = Layout("room", ["FL", "FR", "FC", "LFE", "SL", "SR"], [31, -29, 1, 0, 112, -104])
    np.testing.assert_array_equal(five.nominal[0], [30, -30, 0, np.nan, 110, -110])
    by_layout = Layout("room", ["a", "b", "c"], [31, -29, 1], nominal="3.0")
    assert by_layout.nominal[0].tolist() == [30.0, -30.0, 0.0]
    by_angles = Layout("room", ["a", "b"], [31, -29], nominal=([30, np.nan], 0.0))
    assert by_angles.nominal[0].tolist() == [30.0, -29.0]
    with pytest.raises(LayoutError, match="same order"):
        Layout("room", ["a", "b"], [31, -29], nominal="3.0")
    with pytest.raises(LayoutError, match=r"shape \(2, 2\)"):
        Layout("room", ["a", "b"], [31, -29], nominal=[[1, 2, 3], [1, 2, 3]])
    with pytest.raises(LayoutError, match="'XX'"):
        five.move({"XX": 3.0})


def test_moved_layouts_come_back_from_json():
    layout = Layout("room", ["a", "b", "LFE"], [31, -29, 0], nominal=([30, -30, 0], 0.0))
    for each in (layout, get_layout("7.1.4").move({"FL": 33.0}), layout.move([32, -28, 0])):
        again = Layout.from_json(each.to_json())
        assert again == each
        np.testing.assert_array_equal(again.nominal, each.nominal)


@pytest.mark.parametrize("source", ["stereo", "5.1", "7.1.4"])
def test_rendering_to_a_moved_room_keeps_the_rules_of_named_layouts(source):
    moved_room = get_layout("5.1").move({"SL": 109.9, "SR": -110.1})
    np.testing.assert_array_equal(render_matrix(source, moved_room), render_matrix(source, "5.1"))


def test_the_report_compares_with_the_ranges_of_the_standard():
    systems = json.loads((DATA / "bs2051_layouts.json").read_text())["layouts"]
    for system, channels in systems.items():
        for n, channel in enumerate(channels):
            if channel["lfe"]:
                continue
            label = channel["label"]
            for name in ("azimuth", "elevation"):
                lowest, highest = channel[f"{name}_range"]
                if lowest > highest:  # a range across the rear
                    continue
                for angle, excess in ((lowest, 0.0), (highest, 0.0), (highest + 2.0, 2.0)):
                    if name == "elevation" and angle > 90.0:
                        continue
                    layout = get_layout(system).move(**{name: {label: angle}})
                    found = getattr(layout_report(layout), f"{name}_excess")[n]
                    assert found == pytest.approx(excess, abs=1e-9), (system, label, angle)


def test_the_report_of_layouts_outside_of_the_standard():
    report = layout_report(Layout.from_directions([10.0, 50.0, 200.0]))
    assert report.system is None
    assert report.is_permitted is None
    assert np.isnan(report.azimuth_excess).all()
    assert layout_report("7.1.4").is_permitted
    assert layout_report("7.1.4").system == "4+7+0"
