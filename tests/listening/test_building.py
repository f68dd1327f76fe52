"""Building of listening tests: contents of pages and folders, notes, errors."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
from listening_cases import noise

from spatialkit import listening
from spatialkit.errors import AudioFileError, OptionError
from spatialkit.metrics import loudness

SHORT = listening.StimulusOptions(duration=1.0)
ITEMS = {"song": {"a": noise(seed=1), "b": noise(seed=2, level=0.01)}}
REFERENCES = {"song": noise(seed=3)}


class Page(HTMLParser):
    """Script elements, labels and attributes with URLs of a page."""

    def __init__(self, text):
        super().__init__()
        self.scripts, self.urls, self.open = {}, [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.urls += [found[name] for name in ("src", "href", "action") if name in found]
        self.open = found.get("id", "code") if tag == "script" else None

    def handle_data(self, data):
        if self.open:
            self.scripts[self.open] = self.scripts.get(self.open, "") + data

    def handle_endtag(self, tag):
        self.open = None


def page_of(path):
    return Page(path.read_text(encoding="utf-8"))


def test_a_page_contains_everything_and_names_no_url(tmp_path):
    path = tmp_path / "test.html"
    test = listening.build_abx(path, ITEMS, stimuli=SHORT, trials=3)
    page = page_of(path)
    assert page.urls == ["data:,"]
    assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]", page.scripts["code"])
    definition = json.loads(page.scripts["definition"])
    assert definition == json.loads(json.dumps(test.definition()))
    assert (
        definition["trials"] == [{"item": "song", "conditions": ["a", "b"], "reference": None}] * 3
    )
    levels = []
    for number in definition["stimuli"]["song"].values():
        data = base64.b64decode(page.scripts[f"audio-{number}"])
        samples, rate = soundfile.read(io.BytesIO(data), always_2d=True)
        assert (rate, samples.shape) == (48000, (48000, 2))
        levels.append(float(loudness(samples.T, "stereo", rate)))
    assert abs(levels[0] - levels[1]) <= listening.LOUDNESS_TOLERANCE


def test_text_cannot_leave_its_element(tmp_path):
    title = '</script><script>alert("1")</script> & "quoted" $style'
    path = tmp_path / "test.html"
    listening.build_abx(path, ITEMS, stimuli=SHORT, title=title, instructions="<b>x</b>\n</title>")
    page = page_of(path)
    assert json.loads(page.scripts["definition"])["title"] == title
    assert 'alert("1")' not in page.scripts["code"]
    assert path.read_text(encoding="utf-8").count("<script") == 4


def test_the_same_arguments_give_the_same_page(tmp_path):
    for name in ("a", "b"):
        listening.build_abx(tmp_path / f"{name}.html", ITEMS, stimuli=SHORT, seed=4)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    other = listening.build_abx(tmp_path / "c.html", ITEMS, stimuli=SHORT, seed=5)
    assert other.id != json.loads(page_of(tmp_path / "a.html").scripts["definition"])["id"]


def test_mushra_has_hidden_reference_and_anchors(tmp_path):
    test = listening.build_mushra(
        tmp_path / "test.html",
        ITEMS,
        references=REFERENCES,
        stimuli=SHORT,
        questions={"w": "Width"},
    )
    (trial,) = test.trials
    assert trial.reference == "reference"
    assert set(trial.conditions) == {"reference", "a", "b", *listening.ANCHORS}
    reference = test.stimuli["song", "reference"].samples
    low = test.stimuli["song", "anchor 3.5 kHz"].samples
    spectra = np.abs(np.fft.rfft([reference[0], low[0]]))
    above = np.fft.rfftfreq(reference.shape[1], 1 / 48000) > 4000.0
    assert np.sum(spectra[1, above] ** 2) < 1e-4 * np.sum(spectra[0, above] ** 2)
    without = listening.build_mushra(
        tmp_path / "b.html", ITEMS, references=REFERENCES, stimuli=SHORT, anchors=()
    )
    assert any("requires the anchors" in note for note in without.notes)


def test_style_transfer_is_the_test_of_the_paper(tmp_path):
    items = {"song": {"transfer": noise(seed=1), "reference": noise(), "baseline": noise(seed=2)}}
    test = listening.build_style_transfer(tmp_path / "test.html", items, stimuli=SHORT)
    assert len(test.trials) == 5
    assert {trial.conditions for trial in test.trials} == {("transfer", "baseline")}
    assert [q.name for q in test.questions] == ["vocals", "drums", "bass", "other", "overall"]
    (note,) = test.notes
    assert "4 of 5 are not (p = 0.19)" in note


def test_preference_has_each_pair_of_each_item(tmp_path):
    items = {item: {name: noise(seed=n) for n, name in enumerate("abc")} for item in ("one", "two")}
    test = listening.build_preference(tmp_path / "test.html", items, stimuli=SHORT)
    pairs = [(trial.item, *trial.conditions) for trial in test.trials]
    assert pairs == [
        (item, *pair) for item in ("one", "two") for pair in (("a", "b"), ("a", "c"), ("b", "c"))
    ]


def test_upmixers_are_conditions(tmp_path):
    found = listening.upmix_conditions(noise(), ["ambience", "matrix"])
    assert [each.format.name for each in found.values()] == ["5.1", "5.1"]
    test = listening.build_preference(tmp_path / "test.html", {"song": found}, stimuli=SHORT)
    assert test.stimuli["song", "matrix"].facts["rendered_from"] == "5.1"


def test_webmushra_folder(tmp_path):
    test = listening.build_mushra(
        tmp_path / "folder", ITEMS, references=REFERENCES, stimuli=SHORT, title='A "title": x'
    )
    folder = tmp_path / "folder"
    text = (folder / f"configs/{test.id}.yaml").read_text(encoding="utf-8")
    yaml = pytest.importorskip("yaml")
    experiment = yaml.safe_load(text)
    assert experiment["testname"] == 'A "title": x'
    kinds = [page["type"] for page in experiment["pages"] if isinstance(page, dict)]
    assert kinds == ["generic", "volume", "finish"]
    ((first, page),) = [page for page in experiment["pages"] if isinstance(page, list)]
    assert first == "random"
    assert page["type"] == "mushra"
    assert set(page["stimuli"]) == {"a", "b", *listening.ANCHORS}  # it adds the hidden reference
    for name in (page["reference"], *page["stimuli"].values()):
        samples, rate = soundfile.read(folder / name)
        assert (rate, samples.shape) == (48000, (48000, 2))


def test_webmushra_results_are_analysed(tmp_path):
    """CSV with the columns of webMUSHRA's service/write.php."""
    test = listening.build_mushra(tmp_path / "m", ITEMS, references=REFERENCES, stimuli=SHORT)
    conditions = ["reference", "a", "b", *listening.ANCHORS]
    trial = '["song", "basic audio quality", 0, 0]'
    with (tmp_path / "mushra.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        columns = "session_test_id listener trial_id rating_stimulus rating_score rating_time"
        rows.writerow([*columns.split(), "rating_comment"])
        for listener in ("P01", "P02"):
            for place, name in enumerate(conditions):
                rows.writerow([test.id, listener, trial, name, 100 - 10 * place, 1000, ""])
    definition = tmp_path / f"m/resources/{test.id}/definition.json"
    text = (tmp_path / f"m/configs/{test.id}.yaml").read_text(encoding="utf-8")
    assert json.dumps(trial) in text  # the identifier of the page
    found = listening.analyse([tmp_path / "mushra.csv", definition])
    assert found.listeners == ("P01", "P02")
    medians = [row["median"] for row in found.table("conditions")]
    assert medians == [100.0, 90.0, 80.0, 70.0, 60.0, 50.0]
    with pytest.raises(OptionError, match="needs the definition of its test"):
        listening.analyse(tmp_path / "mushra.csv")
    with pytest.raises(OptionError, match="is the definition of a test"):
        listening.analyse(definition)


def test_webmushra_choices_are_analysed(tmp_path):
    test = listening.build_abx(tmp_path / "abx", ITEMS, trials=4, stimuli=SHORT, seed=2)
    folder = tmp_path / "abx"
    experiment = pytest.importorskip("yaml").safe_load(
        (folder / f"configs/{test.id}.yaml").read_text(encoding="utf-8")
    )
    (pages,) = [page[1:] for page in experiment["pages"] if isinstance(page, list)]
    names = {test.audio[key]: key[1] for key in test.stimuli}
    with (tmp_path / "paired_comparison.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        columns = "session_test_id listener trial_id choice_reference choice_non_reference"
        rows.writerow([*columns.split(), "choice_answer", "choice_time", "choice_comment"])
        for page, answer in zip(pages, ("correct", "correct", "incorrect", "correct"), strict=True):
            ((other, path),) = page["stimuli"].items()
            assert (folder / path).read_bytes() != (folder / page["reference"]).read_bytes()
            assert other in names.values()
            rows.writerow([test.id, "P01", page["id"], "reference", other, answer, 1000, ""])
    definition = folder / f"resources/{test.id}/definition.json"
    found = listening.analyse([definition, tmp_path / "paired_comparison.csv"])
    assert found.table("pooled")[0]["correct"] == 3
    text = (tmp_path / "paired_comparison.csv").read_text(encoding="utf-8")
    for wrong in (text.replace(test.id, "other"), text.replace("listener", "name"), "a,b\n1,2\n"):
        (tmp_path / "wrong.csv").write_text(wrong, encoding="utf-8")
        with pytest.raises(OptionError, match=r"wrong\.csv"):
            listening.analyse([definition, tmp_path / "wrong.csv"])
    with pytest.raises(OptionError, match="webMUSHRA has no test with questions"):
        listening.build_preference(tmp_path / "folder", ITEMS)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda path: listening.build_abx(path, {}), "items must be a mapping"),
        (lambda path: listening.build_abx(path, {"song": ["a.wav"]}), "mapping of conditions"),
        (lambda path: listening.build_abx(path, {"song": {"a": noise()}}), "two conditions, got a"),
        (lambda path: listening.build_abx(path, {"": {"a": noise()}}), "item names"),
        (lambda path: listening.build_abx(path, ITEMS, trials=0), "trials"),
        (lambda path: listening.build_abx(path, ITEMS, seed=-1), "seed"),
        (lambda path: listening.build_abx(path, ITEMS, title=3), "title must be text"),
        (lambda path: listening.build_abx(path, ITEMS, stimuli={}), "StimulusOptions"),
        (lambda path: listening.build_preference(path, {"song": {"a": noise()}}), "two conditions"),
        (
            lambda path: listening.build_preference(path, ITEMS, references={}),
            "'song' has no reference",
        ),
        (
            lambda path: listening.build_preference(path, ITEMS, questions={"a": ""}),
            "text of a question",
        ),
        (
            lambda path: listening.build_mushra(
                path, ITEMS, references=REFERENCES, anchors=["anchor 9 kHz"]
            ),
            "unknown anchor",
        ),
        (
            lambda path: listening.build_mushra(
                path,
                {"song": {f"c{n}": noise() for n in range(9)}},
                references=REFERENCES,
            ),
            "BS.1534-3 permits 12",
        ),
        (lambda path: listening.build_style_transfer(path, ITEMS), "two other conditions"),
    ],
)
def test_wrong_arguments_write_nothing(tmp_path, call, match):
    with pytest.raises(OptionError, match=match):
        call(tmp_path / "test.html")
    assert list(tmp_path.iterdir()) == []


def test_existing_files_are_kept(tmp_path):
    path = tmp_path / "test.html"
    path.write_text("mine")
    with pytest.raises(AudioFileError, match="exists; pass overwrite=True"):
        listening.build_abx(path, ITEMS, stimuli=SHORT)
    assert path.read_text() == "mine"
    listening.build_abx(path, ITEMS, stimuli=SHORT, overwrite=True)
    with pytest.raises(OptionError, match=r"use \.html"):
        listening.build_abx(tmp_path / "test.pdf", ITEMS)
    with pytest.raises(AudioFileError, match="does not exist"):
        listening.build_abx(tmp_path / "none" / "test.html", ITEMS)
