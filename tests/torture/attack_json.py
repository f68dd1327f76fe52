"""Hostile JSON where spatialkit reads JSON: layouts, styles, cards, checkpoints, lists."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from judging import Finding, call

from spatialkit import Layout, get_layout, layout_report, vbap_gains
from spatialkit.benchmarks import Benchmark, Row
from spatialkit.results import Metric
from spatialkit.validation import read_json_lines

# Values in place of those of valid JSON, as text: some are not valid JSON.
HOSTILE = [
    *("null", "true", "false", "0", "-1", "1", "1.5", "1e308", "1e999", "-1e999", "NaN"),
    *("Infinity", "1" + "0" * 39, "1" + "0" * 60, "1" + "0" * 5000, "1e-320", "2147483648"),
    *('""', '"text"', '"\\u0000"', '"\\ud800"', '"\\u001b[2J"', '"a\\nb"', '"5.1"', '"1"'),
    *('"' + "x" * 100_000 + '"', "[]", "{}", "[[]]", "[null]", '{"": null}', '["a", 1]'),
    *("[" * 70 + "]" * 70, "[" * 100_000, '{"a": ' * 100_000, "[1, 2", '"', "}", "", "\0"),
    *("[" + "0," * 5000 + "0]", "[0, 0, 0]", "[1e300, 1e300]", "1000000000"),
]
MARK = "@hostile@"


def targets(folder: Path) -> dict[str, tuple[str, Callable[[str], Any]]]:
    """Valid JSON and what reads it, by name."""
    room = get_layout("7.1.4").move({"FL": 33.0})
    results = Benchmark(
        "a", (Metric("m", "M", "dB", "higher", "h"),), (Row("s", values={"m": (1.0,)}),)
    )

    def layout(text: str) -> Any:
        path = folder / "layout.json"
        path.write_text(text, "utf-8", "surrogatepass")
        found = Layout.from_json(path)
        return vbap_gains([0.0, 90.0], 10.0, layout=found), layout_report(found), found.to_json()

    def lines(text: str) -> Any:
        path = folder / "log.jsonl"
        path.write_text(f'{{"a": 1}}\n{text}\n{{"a": 2}}', "utf-8", "surrogatepass")
        found = list(read_json_lines(path))
        if found[0] != {"a": 1} or found[-1] != {"a": 2}:
            raise Finding("valid lines of a log were lost")

    known = {
        "layout": (room.to_json(), layout),
        "lines": ('{"name": "a", "size": [1, 2], "digest": "00"}', lines),
        "benchmark": (results.to_json(), lambda text: Benchmark.from_json(text).to_markdown()),
    }
    return known | model_targets(folder)


def model_targets(folder: Path) -> dict[str, tuple[str, Callable[[str], Any]]]:
    """The same for JSON of models, if they are installed."""
    try:
        import torch

        from spatialkit_models.evaluation import read_list
        from spatialkit_models.style_vae import Style, random_style, style_directions
        from spatialkit_models.weights import load_weights, read_card, shipped
    except ImportError:
        return {}
    torch.set_num_threads(1)

    def style(text: str) -> Any:
        return style_directions(Style.from_json(text))

    weights = shipped("style-vae-fast")

    def card(text: str) -> Any:
        path = folder / "card.safetensors"
        if not path.exists():
            path.symlink_to(weights)
        path.with_suffix(".json").write_text(text, "utf-8", "surrogatepass")
        return read_card(path), load_weights(path, "style-vae")

    def excerpts(text: str) -> Any:
        path = folder / "excerpts.json"
        path.write_text(text, "utf-8", "surrogatepass")
        return read_list(str(path))

    return {
        "style": (random_style(1).to_json(), style),
        "card": (Path(weights).with_suffix(".json").read_text(), card),
        "excerpts": ('{"seconds": 3.0, "songs": {"song": [1.0, 2.0]}, "seed": 1}', excerpts),
    }


def prepare(folder: Path) -> dict[str, tuple[str, Callable[[str], Any]]]:
    return targets(folder)


def attack(state: dict[str, Any], folder: Path, rng: np.random.Generator) -> str:
    """Change one or two values of valid JSON, or its text."""
    name = str(rng.choice(list(state)))
    valid, function = state[name]
    text = valid
    for _ in range(rng.integers(1, 3)):
        text = changed(text, rng)
    print(name, text[:300], file=sys.stderr)
    try:
        outcome, _ = call(function, {"text": text})
    except Finding as finding:
        raise Finding(f"{name}: {finding}") from finding.__cause__
    return outcome


def changed(text: str, rng: np.random.Generator) -> str:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    hostile = HOSTILE[rng.integers(len(HOSTILE))]
    if not isinstance(parsed, dict) or rng.random() < 0.15:
        at = int(rng.integers(0, len(text) + 1))
        return text[:at] + [hostile, "", text[:at]][rng.integers(3)] + text[at + rng.integers(9) :]
    parent, key = place(parsed, rng)
    choice = rng.random()
    if choice < 0.1:
        del parent[key]
    elif choice < 0.2 and isinstance(parent, dict):
        parent[str(rng.choice(["unknown", "", "\x1b", str(key).upper()]))] = MARK
    elif choice < 0.25 and isinstance(parent, list):
        parent += [parent[key]] * int(rng.choice([1, 100, 5000]))
    else:
        parent[key] = MARK
    return json.dumps(parsed).replace(f'"{MARK}"', hostile)


def place(parsed: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """A random value in nested lists and objects: what contains it, and its key."""
    found = []
    level = [parsed]
    while level:
        parent = level.pop()
        keys = list(parent) if isinstance(parent, dict) else range(len(parent))
        for key in keys:
            found.append((parent, key))
            if isinstance(parent[key], (dict, list)):
                level.append(parent[key])
    return found[rng.integers(len(found))] if found else (parsed.setdefault("a", {}), "b")
