"""Listening tests in headless Chromium, from the welcome page to the analysis."""

from __future__ import annotations

import json

import numpy as np
import pytest
from listening_cases import noise

from spatialkit import listening

SHORT = listening.StimulusOptions(duration=0.6)
ITEMS = {"song": {"a": noise(seed=1), "b": noise(seed=2)}}
STYLE = {"song": {"reference": noise(), "transfer": noise(seed=1), "baseline": noise(seed=2)}}


class Listener:
    """Script that passes a test; errors of the page fail the test."""

    def __init__(self, browser, path, **context):
        options = {"viewport": {"width": 1280, "height": 800}, "accept_downloads": True, **context}
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(10_000)
        self.page = self.context.new_page()
        self.errors, self.requests = [], []
        self.page.on("console", lambda message: self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def start(self, code="P01"):
        self.page.fill("#participant", code)
        self.page.click("#start")
        self.page.wait_for_selector("[data-sample=Example]")
        self.page.keyboard.press("e")
        self.page.click("#next")

    def next(self):
        """Continue, and wait until the next page replaces this one."""
        heading = self.page.query_selector("#heading")
        self.page.click("#next")
        self.page.wait_for_function("old => !old.isConnected", arg=heading)
        self.page.wait_for_selector("#next, #download, #start")

    def hear(self):
        for button in self.page.query_selector_all("[data-sample]"):
            button.click()

    def finish(self, folder):
        self.page.wait_for_selector("#download")
        with self.page.expect_download() as found:
            self.page.click("#download")
        path = folder / found.value.suggested_filename
        found.value.save_as(path)
        assert self.errors == []
        assert all(url.startswith(("file:", "data:", "blob:")) for url in self.requests)
        self.context.close()
        return path

    def x_equals(self):
        """Return "A" or "B" by comparing the decoded sound."""
        return self.page.evaluate(
            """() => {
              const sound = (name) => player.voices.get(name).buffer.getChannelData(0);
              return sound("X").every((value, n) => value === sound("A")[n]) ? "A" : "B";
            }"""
        )


def test_abx_by_keyboard_with_correct_answers(chromium, tmp_path):
    path = tmp_path / "abx.html"
    listening.build_abx(path, ITEMS, trials=5, stimuli=SHORT)
    listener = Listener(chromium, path)
    listener.start()
    page = listener.page
    page.wait_for_selector("[data-sample=X]")
    page.click("#next")
    assert page.inner_text("#status") == "Listen to A, B, X first."
    for number in range(6):
        page.wait_for_selector("[data-sample=X]")
        for key in "abx":
            page.keyboard.press(key)
            pressed = page.query_selector("[aria-pressed=true]").inner_text()
            assert pressed.startswith(key.upper())
        page.keyboard.press("s")
        assert page.query_selector("[aria-pressed=true]") is None
        page.focus(f"#answer-{listener.x_equals()}")
        page.keyboard.press("Space")
        if number == 0:
            page.click("#next")
            assert page.inner_text(".feedback").startswith("Correct")
            page.focus("#next")
            page.keyboard.press("Enter")
            page.wait_for_function("() => !document.querySelector('.feedback')")
        else:
            listener.next()
    answers = listener.finish(tmp_path)
    found = listening.analyse(answers)
    (pooled,) = found.table("pooled")
    assert (pooled["correct"], pooled["trials"], pooled["p"]) == (5, 5, 0.03125)
    trials = json.loads(answers.read_text(encoding="utf-8"))["trials"]
    assert all(trial["plays"] == {"A": 1, "B": 1, "X": 1} for trial in trials[1:])


def test_the_test_of_the_paper_from_page_to_analysis(chromium, tmp_path):
    path = tmp_path / "style.html"
    listening.build_style_transfer(path, STYLE, stimuli=SHORT)
    for code in ("P01", "P02"):
        listener = Listener(chromium, path, viewport={"width": 400, "height": 800})
        listener.start(code)
        page = listener.page
        for _ in range(6):
            page.wait_for_selector("[data-sample=Reference]")
            own = page.evaluate("session.page.samples")
            transfer = next(letter for letter, name in own.items() if name == "transfer")
            listener.hear()
            for number in range(5):
                if number == 4:
                    page.click("#next")
                    assert "1 are open" not in page.inner_text("#status")
                    assert page.inner_text("#status").startswith("Answer the question")
                page.check(f"#question-{number}-{transfer}")
            listener.next()
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        listener.finish(tmp_path)
    found = listening.analyse(tmp_path.glob("answers-*.json"))
    assert found.listeners == ("P01", "P02")
    rows = found.table("pooled")
    assert [row["question"] for row in rows] == ["vocals", "drums", "bass", "other", "overall"]
    assert all((row["chosen"], row["trials"]) == (10, 10) for row in rows)


def test_mushra_from_training_to_ratings(chromium, tmp_path):
    path = tmp_path / "mushra.html"
    listening.build_mushra(
        path,
        ITEMS,
        references={"song": noise()},
        stimuli=SHORT,
        questions={"width": "Rate the width"},
    )
    listener = Listener(chromium, path, color_scheme="dark")
    listener.start()
    page = listener.page
    page.wait_for_selector("h1:has-text('Training')")
    page.wait_for_selector("[data-sample=F]")
    listener.hear()
    listener.next()
    for _ in range(2):
        page.wait_for_selector("input[type=range]")
        listener.hear()
        page.click("#next")
        assert page.inner_text("#status") == "Rate A, B, C, D, E, F first."
        for letter, name in page.evaluate("session.page.samples").items():
            page.focus(f"#rating-{letter}")
            page.keyboard.press("End" if name == "reference" else "Home")
            page.keyboard.press("ArrowLeft" if name == "reference" else "ArrowRight")
        assert page.get_attribute("#rating-A", "aria-valuetext") in ("99, Excellent", "1, Bad")
        listener.next()
    found = listening.analyse(listener.finish(tmp_path))
    ratings = {row["condition"]: row["median"] for row in found.table("conditions")}
    assert ratings == {"reference": 99.0, **dict.fromkeys(("a", "b", *listening.ANCHORS), 1.0)}


def test_order_depends_on_seed_and_code_only(chromium, tmp_path):
    path = tmp_path / "abx.html"
    listening.build_abx(path, ITEMS, trials=100, stimuli=SHORT)
    listener = Listener(chromium, path)
    pages = listener.page.evaluate(
        """() => ["P01", "P01", "P02"].map((code) =>
             makePages(definition, code).map((page) => page.x + page.samples.A))"""
    )
    assert pages[0] == pages[1] != pages[2]
    assert (
        listener.page.evaluate(
            "makePages({...definition, seed: 1}, 'P01').map((p) => p.x + p.samples.A)"
        )
        != pages[0]
    )
    counts = [pages[0][1:].count(each) for each in ("Aa", "Ab", "Ba", "Bb")]
    assert min(counts) >= 14  # expected 25 of 100 each, deviation 4.3
    random = listener.page.evaluate(
        """() => { const next = seededRandom("x"); return Array.from({ length: 20000 }, next); }"""
    )
    counts, _ = np.histogram(random, bins=20, range=(0.0, 1.0))
    assert np.sum((counts - 1000.0) ** 2 / 1000.0) < 43.8  # chi square of 19 degrees, 0.1 %
    listener.context.close()


def test_a_session_is_continued_after_the_page_was_closed(chromium, tmp_path):
    path = tmp_path / "abx.html"
    listening.build_abx(path, ITEMS, trials=3, stimuli=SHORT, training=False)
    listener = Listener(chromium, path)
    listener.start("P07")
    page = listener.page
    page.wait_for_selector("[data-sample=X]")
    listener.hear()
    page.check("#answer-A")
    listener.next()
    order = page.evaluate("session.pages.map((each) => each.samples)")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    assert "A session of P07 with 1 answered pages" in page.inner_text("main")
    page.click("#resume")
    page.wait_for_selector("[data-sample=Example]")
    page.keyboard.press("e")
    page.click("#next")
    assert page.evaluate("session.pages.map((each) => each.samples)") == order
    for _ in range(2):
        page.wait_for_selector("[data-sample=X]")
        listener.hear()
        page.check("#answer-B")
        listener.next()
    answers = json.loads(listener.finish(tmp_path).read_text(encoding="utf-8"))
    assert len(answers["trials"]) == 3
    assert answers["participant"] == "P07"


def test_the_sound_is_that_of_the_stimulus_and_switching_is_synchronous(chromium, tmp_path):
    """Decoded samples are the encoded ones; a second voice starts in the same sample."""
    path = tmp_path / "abx.html"
    test = listening.build_abx(path, ITEMS, trials=1, stimuli=SHORT, training=False)
    listener = Listener(chromium, path)
    listener.start()
    page = listener.page
    page.wait_for_selector("[data-sample=X]")
    own = page.evaluate("session.page.samples")
    decoded = page.evaluate("Array.from(player.voices.get('A').buffer.getChannelData(1))")
    expected = test.stimuli["song", own["A"]].samples[1]
    # 16 bits with dither: at most 1.5 steps
    np.testing.assert_allclose(decoded, expected, atol=1.5 * 2**-15)
    page.keyboard.press("a")
    page.wait_for_timeout(150)
    started = "[...player.voices.values()].map((each) => each.started)"
    before = page.evaluate(started)
    page.keyboard.press("b")
    assert page.evaluate(started) == before == [before[0]] * 3  # all run since the first key
    assert before[0] > 0.0
    listener.context.close()


def test_loudspeakers_need_a_device_with_enough_channels(chromium, tmp_path):
    path = tmp_path / "abx.html"
    items = {"song": {name: noise(6, seed=n, format="5.1") for n, name in enumerate("ab")}}
    options = listening.StimulusOptions(duration=0.6, playback="loudspeakers")
    listening.build_abx(path, items, trials=1, stimuli=options)
    listener = Listener(chromium, path)
    listener.page.fill("#participant", "P01")
    listener.page.click("#start")
    listener.page.wait_for_selector(".error")
    assert "plays 6 loudspeakers" in listener.page.inner_text(".error")
    listener.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast_and_every_control_a_name(chromium, tmp_path, scheme):
    """WCAG 2.2: contrast of 4.5 for text; names of controls from labels, text or aria-label."""
    path = tmp_path / "mushra.html"
    listening.build_mushra(path, ITEMS, references={"song": noise()}, stimuli=SHORT, training=False)
    listener = Listener(chromium, path, color_scheme=scheme)
    listener.start()
    listener.page.wait_for_selector("input[type=range]")
    listener.hear()
    found = listener.page.evaluate(
        """() => {
          const parse = (text) => text.match(/[\\d.]+/g).map(Number);
          const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
            .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
          const behind = (node) => {
            for (let each = node; each; each = each.parentElement) {
              const color = parse(getComputedStyle(each).backgroundColor);
              if (color.length < 4 || color[3] > 0) return color;
            }
            return [255, 255, 255];
          };
          const bad = [];
          for (const node of document.querySelectorAll("body *")) {
            const texts = [...node.childNodes].filter((each) => each.nodeType === 3);
            const own = texts.some((each) => each.textContent.trim());
            if (!own || ["SCRIPT", "NOSCRIPT", "STYLE"].includes(node.tagName)) continue;
            const [one, two] = [light(parse(getComputedStyle(node).color)), light(behind(node))];
            const contrast = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
            if (contrast < 4.5) bad.push([node.textContent, contrast]);
          }
          for (const node of document.querySelectorAll("button, input, textarea, progress")) {
            const label = node.getAttribute("aria-label") || node.labels?.[0]?.textContent;
            const name = label || node.textContent.trim();
            if (!name) bad.push([node.outerHTML, "no name"]);
          }
          return bad;
        }"""
    )
    assert found == []
    listener.context.close()
