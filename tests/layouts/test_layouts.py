"""Layouts compared with BS.2051, WAVE masks and the channel orders of other programs."""

import copy
import itertools
import json
import pickle

import numpy as np
import pytest
from conftest import DATA

from spatialkit.errors import LayoutError, OptionError, ShapeError
from spatialkit.layouts import (
    AmbisonicFormat,
    Layout,
    channel_map,
    get_format,
    get_layout,
    layout_names,
    reorder,
)

BS2051 = json.loads((DATA / "panning/bs2051_layouts.json").read_text())["layouts"]


@pytest.mark.parametrize("name", BS2051)
def test_systems_have_labels_order_and_angles_of_bs2051(name):
    layout = get_layout(name)
    assert list(layout.labels) == [channel["label"] for channel in BS2051[name]]
    assert layout.is_lfe.tolist() == [channel["lfe"] for channel in BS2051[name]]
    for n in layout.loudspeakers:
        assert layout.azimuth[n] == BS2051[name][n]["azimuth"]
        assert layout.elevation[n] == BS2051[name][n]["elevation"]
    assert np.isnan(layout.azimuth[layout.is_lfe]).all()
    assert np.isnan(layout.elevation[layout.is_lfe]).all()


@pytest.mark.parametrize(
    ("name", "labels", "azimuths", "mask"),
    [
        ("mono", "FC", [0], 0x4),
        ("stereo", "FL FR", [30, -30], 0x3),
        ("3.0", "FL FR FC", [30, -30, 0], 0x7),
        ("quad", "FL FR BL BR", [45, -45, 135, -135], 0x33),
        ("5.0", "FL FR FC SL SR", [30, -30, 0, 110, -110], 0x607),
        ("5.1", "FL FR FC LFE SL SR", [30, -30, 0, np.nan, 110, -110], 0x60F),
        ("6.1", "FL FR FC LFE BC SL SR", [30, -30, 0, np.nan, 180, 90, -90], 0x70F),
        ("7.0", "FL FR FC BL BR SL SR", [30, -30, 0, 135, -135, 90, -90], 0x637),
        ("7.1", "FL FR FC LFE BL BR SL SR", [30, -30, 0, np.nan, 135, -135, 90, -90], 0x63F),
        ("paper5", "FL SL FC FR SR", [30, 110, 0, -30, -110], 0),
    ],
)
def test_everyday_layouts_without_tops(name, labels, azimuths, mask):
    layout = get_layout(name)
    assert layout.labels == tuple(labels.split())
    np.testing.assert_array_equal(layout.azimuth, azimuths)
    assert layout.wave_mask == mask
    assert not np.nan_to_num(layout.elevation).any()


@pytest.mark.parametrize(
    ("name", "base", "mask"),
    [
        ("5.1.2", "5.1", 0x560F),
        ("7.1.2", "7.1", 0x563F),
        ("5.1.4", "5.1", 0x2D60F),
        ("7.1.4", "7.1", 0x2D63F),
        ("9.1.4", "7.1", 0),
        ("9.1.6", "7.1", 0),
    ],
)
def test_everyday_layouts_with_tops_extend_those_without(name, base, mask):
    layout, bed = get_layout(name), get_layout(base)
    n = bed.n_channels
    assert layout.labels[:n] == bed.labels
    np.testing.assert_array_equal(layout.azimuth[:n], bed.azimuth)
    assert layout.wave_mask == mask
    tops = {"TFL": 45, "TFR": -45, "TBL": 135, "TBR": -135, "TSL": 90, "TSR": -90}
    for label, azimuth, elevation in zip(
        layout.labels[n:], layout.azimuth[n:], layout.elevation[n:], strict=True
    ):
        expected = (tops[label], 45.0) if label in tops else ({"L": 60, "R": -60}[label[-1]], 0.0)
        assert (azimuth, elevation) == expected


def test_22_2_is_9_10_3_under_its_everyday_name():
    assert get_layout("22.2").name == "22.2"
    assert get_layout("22.2").labels == get_layout("9+10+3").labels
    np.testing.assert_array_equal(get_layout("22.2").azimuth, get_layout("9+10+3").azimuth)


@pytest.mark.parametrize("name", layout_names())
def test_masks_determine_their_layout(name):
    layout = get_layout(name)
    if layout.wave_mask:
        read = Layout.from_wave_mask(layout.wave_mask)
        assert read.wave_mask == layout.wave_mask
        assert read.n_channels == layout.n_channels


@pytest.mark.parametrize(("mask", "name"), [(0x37, "5.0"), (0x3F, "5.1"), (0x2D03F, "5.1.4")])
def test_backs_without_sides_are_surrounds(mask, name):
    assert Layout.from_wave_mask(mask) == get_layout(name)


def test_masks_give_the_channels_in_the_order_of_the_file():
    """Backs read as sides stay where the bits of backs are, before the rear centre."""
    layout = Layout.from_wave_mask(0x13F)
    assert layout.labels == ("FL", "FR", "FC", "LFE", "SL", "SR", "BC")
    assert channel_map(layout, "6.1").tolist() == [0, 1, 2, 3, 6, 4, 5]


def test_masks_of_no_named_layout_have_the_usual_angles():
    layout = Layout.from_wave_mask(0x107)
    assert layout.labels == ("FL", "FR", "FC", "BC")
    assert layout.azimuth.tolist() == [30, -30, 0, 180]
    assert layout.wave_mask == 0x107


@pytest.mark.parametrize("mask", [0, 1 << 18, 0x80000003])
def test_masks_without_wave_loudspeakers_are_refused(mask):
    with pytest.raises(LayoutError, match="mask must have at least one of bits 0 to 17"):
        Layout.from_wave_mask(mask)


def test_side_and_back_channels_of_7_1_are_swapped_between_wave_and_bs2051():
    assert channel_map("7.1", "0+7+0").tolist() == [0, 1, 2, 3, 6, 7, 4, 5]
    assert get_layout("0+7+0").wave_mask == 0


@pytest.mark.parametrize(
    ("order", "name", "labels"),
    [
        ("film", "5.1", "FL FC FR SL SR LFE"),
        ("film", "7.1", "FL FC FR SL SR BL BR LFE"),
        ("film", "7.1.4", "FL FC FR SL SR BL BR LFE TFL TFR TBL TBR"),
        # RFC 7845, 5.1.1.2.
        ("vorbis", "3.0", "FL FC FR"),
        ("vorbis", "quad", "FL FR BL BR"),
        ("vorbis", "5.0", "FL FC FR SL SR"),
        ("vorbis", "5.1", "FL FC FR SL SR LFE"),
        ("vorbis", "6.1", "FL FC FR SL SR BC LFE"),
        ("vorbis", "7.1", "FL FC FR SL SR BL BR LFE"),
        ("wave", "0+7+0", "M+030 M-030 M+000 LFE1 M+135 M-135 M+090 M-090"),
    ],
)
def test_other_orders_of_the_same_loudspeakers(order, name, labels):
    layout = get_layout(name).in_order(order)
    assert layout.labels == tuple(labels.split())
    assert get_layout(f"{name}:{order}") == layout


def test_vorbis_has_seven_channels_with_an_lfe_only():
    with pytest.raises(
        LayoutError, match=r"order 'vorbis' does not support '7\.0'; supported: mono"
    ):
        get_layout("7.0:vorbis")


def test_orders_without_a_place_for_a_channel_are_refused():
    with pytest.raises(LayoutError, match="does not define the position of LFE2, B"):
        get_layout("9+10+3").in_order("film")
    with pytest.raises(LayoutError, match="order 'vorbis' does not support"):
        get_layout("5.1.2").in_order("vorbis")
    with pytest.raises(OptionError, match=r"unknown order '.*Accepted: 'wave', 'film', 'vorbis'"):
        get_layout("5.1").in_order("smpte")


def _families():
    """Groups of layouts that share their loudspeakers, in different orders or words."""
    for name in layout_names():
        group = [get_layout(name)]
        for order in ("wave", "film", "vorbis"):
            try:
                group.append(get_layout(name).in_order(order))
            except LayoutError:
                continue
        yield group
    for names in (["5.1", "0+5+0"], ["7.1", "0+7+0"], ["7.1.4", "4+7+0"], ["5.0", "paper5"]):
        yield [get_layout(name) for name in names]


@pytest.mark.parametrize("group", list(_families()), ids=lambda group: group[0].name)
def test_reordering_follows_the_loudspeakers_and_is_invertible(group):
    for source, target in itertools.permutations(group, 2):
        audio = np.nan_to_num(source.azimuth, nan=1000.0)[:, None]
        moved = reorder(audio, source, target)
        np.testing.assert_array_equal(moved[:, 0], np.nan_to_num(target.azimuth, nan=1000.0))
        np.testing.assert_array_equal(reorder(moved, target, source), audio)


def test_layouts_with_their_own_labels_are_matched_by_direction():
    mine = Layout("mine", ["a", "b", "c"], [0.0, -30.0, 30.0])
    assert channel_map("3.0", mine).tolist() == [2, 1, 0]


def test_custom_labels_have_no_meaning():
    """Layouts made from directions number their channels: "1" of one is not "1" of another."""
    there = Layout.from_directions([-30.0, 30.0])
    assert channel_map(Layout.from_directions([30.0, -30.0]), there).tolist() == [1, 0]
    square = Layout.from_directions([45, 135, -135, -45])
    turned = Layout.from_directions([0, 90, 180, -90])
    with pytest.raises(LayoutError, match="do not have the same loudspeakers"):
        channel_map(square, turned)


@pytest.mark.parametrize(
    ("source", "target"), [("5.1", "7.1"), ("5.1", "6.1"), ("quad", "5.0"), ("7.0", "6.1")]
)
def test_layouts_with_other_loudspeakers_are_not_reordered(source, target):
    with pytest.raises(LayoutError, match="do not have the same loudspeakers"):
        channel_map(source, target)


def test_reordering_refuses_another_number_of_channels():
    with pytest.raises(ShapeError, match=r"must have 6 channels.*transpose it"):
        reorder(np.zeros((100, 6)), "5.1", "5.1:film")


@pytest.mark.parametrize("name", layout_names())
def test_layouts_are_unchanged_by_json(name):
    assert Layout.from_json(get_layout(name).to_json()) == get_layout(name)


def test_json_of_sparta_is_read_without_its_imaginary_loudspeakers():
    elements = [
        {"Azimuth": -45.0, "Elevation": 0, "Radius": 1, "IsImaginary": False, "Channel": 2},
        {"Azimuth": 45.0, "Elevation": 10, "Radius": 1, "IsImaginary": False, "Channel": 1},
        {"Azimuth": 0.0, "Elevation": -90, "IsImaginary": True, "Channel": 3, "Gain": 0.0},
    ]
    text = json.dumps({"Name": "x", "GenericLayout": {"Name": "room", "Elements": elements}})
    layout = Layout.from_json(text)
    assert layout.name == "room"
    assert layout.azimuth.tolist() == [45.0, -45.0]
    assert layout.elevation.tolist() == [10.0, 0.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON: .* nested"),
        ('{"Name": ' + "[" * 70 + "]" * 70 + "}", "is nested more than 64 deep"),
        ('{"Name": 1' + "0" * 5000 + "}", "has more than 40 digits"),
        (
            '{"LoudspeakerLayout": {"Loudspeakers": [{"Azimuth": "0", "Elevation": 0,'
            ' "Channel": 1}]}}',
            "'0' is not a number",
        ),
        (
            '{"LoudspeakerLayout": {"Loudspeakers": [{"Azimuth": 0, "Elevation": 0,'
            ' "Channel": 1.5}]}}',
            "1.5 is not a whole number",
        ),
        (
            '{"LoudspeakerLayout": {"Loudspeakers": [{"Azimuth": 0, "Elevation": 0,'
            ' "Channel": Infinity}]}}',
            "not a loudspeaker layout",
        ),
        ("[]", "must contain a JSON object, got list"),
        ('{"LoudspeakerLayout": {"Loudspeakers": []}}', "has no loudspeaker"),
        (
            '{"LoudspeakerLayout": {"Loudspeakers": [{"Azimuth": 0, "Elevation": 0, "Channel": 1,'
            ' "Gain": 0.5}]}}',
            "gain other than 1",
        ),
        (
            '{"LoudspeakerLayout": {"Loudspeakers": [{"Azimuth": 0, "Elevation": 0, "Channel": 1},'
            ' {"Azimuth": 9, "Elevation": 0, "Channel": 1}]}}',
            "a different one per loudspeaker",
        ),
        (
            '{"LoudspeakerLayout": {"Loudspeakers": [{"Azimuth": 0, "Elevation": 0,'
            ' "Channel": 1000000000}]}}',
            "must be from 1 to 1024",
        ),
    ],
)
def test_other_json_is_refused(text, message):
    with pytest.raises(LayoutError, match=message):
        Layout.from_json(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("x", [], []), "has no loudspeaker"),
        (("x", ["LFE"], [0.0]), "has no loudspeaker"),
        (("x", ["a", "a"], [0.0, 1.0]), "the label a more than once"),
        (("x", ["a"], [np.nan]), "azimuth must be finite"),
        (("x", ["a"], [0.0], [np.nan]), "elevation must be finite"),
        (("x", ["a"], [0.0], [91.0]), "elevation must be from -90 to 90"),
        (("x", ["a", "b"], [0.0]), "one value per channel"),
        (("x", ["a"], ["north"]), "must be numbers in degrees"),
        (("x", None, [0.0]), "must be a sequence of names"),
    ],
)
def test_impossible_layouts_are_refused_at_construction(arguments, message):
    with pytest.raises(LayoutError, match=message):
        Layout(*arguments)


def test_layouts_are_values():
    one, other = (Layout("x", ["a", "LFE"], [10.0, np.nan]) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Layout("x", ["a", "LFE"], [11.0, np.nan])
    for same in (one, pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
        assert same == one
        for values in (same.azimuth, same.elevation, same.is_lfe, same.loudspeakers):
            with pytest.raises(ValueError, match="read-only"):
                values[0] = 1


def test_unknown_names_list_the_accepted_ones():
    with pytest.raises(LayoutError, match=r"unknown layout '8\.1'.* Accepted: 'mono', 'stereo'"):
        get_layout("8.1")
    with pytest.raises(LayoutError, match="unknown layout or format 'ambix9'"):
        get_format("ambix9")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("foa", AmbisonicFormat(1)),
        ("ambix7", AmbisonicFormat(7, "SN3D", "ACN")),
        ("fuma3", AmbisonicFormat(3, "FuMa", "FuMa")),
        ("N3D-ACN-2", AmbisonicFormat(2, "N3D", "ACN")),
    ],
)
def test_ambisonic_formats_by_name(name, expected):
    assert get_format(name) == get_format(expected.name) == expected
    assert expected.n_channels == (expected.order + 1) ** 2


def test_fuma_is_limited_to_order_3():
    with pytest.raises(LayoutError, match="up to order 3, got order 4"):
        AmbisonicFormat(4, "FuMa", "FuMa")
    with pytest.raises(OptionError, match="order must be from 1 to 7"):
        AmbisonicFormat(8)


@pytest.mark.parametrize("name", ["Stereo", "5.1:FILM", "PAPER5", "FOA", "AmbiX3", "n3d-acn-2"])
def test_names_match_without_regard_to_case(name):
    assert get_format(name) == get_format(name.lower())


@pytest.mark.parametrize(
    ("name", "closest"), [("7.1.3", "7.1.4"), ("sterio", "stereo"), ("ambix8", "ambix7")]
)
def test_unknown_names_get_a_suggestion(name, closest):
    with pytest.raises(LayoutError, match=f"'{name}'; did you mean '{closest}'[?] Accepted: 'mono"):
        get_format(name)


def test_a_layout_is_read_from_a_json_file(tmp_path):
    path = tmp_path / "Room.JSON"
    path.write_text("\ufeff" + get_layout("7.1.4").to_json(), encoding="utf-8")
    for layout in (
        get_layout(path),
        get_layout(str(path)),
        get_format(path),
        get_format(str(path)),
        Layout.from_json(path),
        Layout.from_json(str(path)),
    ):
        assert layout == get_layout("7.1.4")


def test_a_changed_json_file_is_read_again(tmp_path):
    path = tmp_path / "room.json"
    for name in ("stereo", "quad"):
        path.write_text(get_layout(name).to_json())
        assert get_layout(str(path)).name == name


def test_errors_of_json_files_name_the_file(tmp_path):
    with pytest.raises(LayoutError, match=r"missing\.json cannot be read: No such file"):
        get_layout(str(tmp_path / "missing.json"))
    path = tmp_path / "bad.json"
    path.write_text("{}")
    with pytest.raises(LayoutError, match=r"bad\.json: not a loudspeaker layout of IEM or SPARTA"):
        get_layout(path)
    path.write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(LayoutError, match=r"bad\.json is not valid JSON: 'utf-8"):
        get_layout(path)


def test_representations_are_short():
    assert repr(get_layout("5.1")) == "Layout('5.1': FL FR FC LFE SL SR)"
