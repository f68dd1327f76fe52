"""Correlation of metrics with human ratings: AMBIQUAL's MUSHRA test of coded first-order scenes.

Computes the metrics from the audio of https://github.com/QxLabIreland/Ambiqual (Apache-2.0, commit
eb9ed41)::

    git clone https://github.com/QxLabIreland/Ambiqual
    python docs/make_human_validation.py Ambiqual

writes ``tests/data/ambiqual/metrics.csv`` and prints the table of the page. Without a folder, the
table is printed from that file.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from spatialkit.files import read
from spatialkit.metrics import METRICS, Results, evaluate_batch
from spatialkit.results import markdown_table

DATA = Path(__file__).parents[1] / "tests" / "data" / "ambiqual"
# Start of the file names by label of the ratings.
SCENES = {
    "glockFcastAz": "castanetsorgRev_dynamic_A-90_A90_E60_60_glockshortRev",
    "xylFtabAz": "tabbels_dynamic_A-90_A90_E-45_-45_xylophone",
    "castFpinkEl": "bPinkRev_dynamic_A90_E0_E180_castanets",
    "babbleFfemAz": "female_dynamic_A-90_A90_E30_30_babble",
    "trFtrEl": "trianglesst_dynamic_A60_E0_E180_trianglesroll",
    "pianoFxylEl": "xylophone_dynamic_A60_E0_E180_piano",
}
RATES = ("32", "64", "96", "128")


def ratings() -> dict[str, NDArray[np.float64]]:
    """Return the ratings of the listeners by scene and bit rate, such as "trFtrEl 32"."""
    found = {}
    with (DATA / "ambiqual_mushra_experiment_2.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            cells = [row[name] for name in row if name.startswith("rater")]
            values = np.array([float(cell or "nan") for cell in cells])
            known = values[~np.isnan(values)]
            if row["enc"].startswith("FOA") and known.size:
                found[f"{row['label']} {row['enc'][3:]}"] = known
    return found


def ambiqual_scores() -> dict[str, float]:
    """Return AMBIQUAL's own score LQ by scene and bit rate."""
    found = {}
    with (DATA / "ambiqual_scores_experiment_2.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for label, start in SCENES.items():
                for rate in RATES:
                    if row["filename"].startswith(start) and f"FOA_{rate}k" in row["filename"]:
                        found[f"{label} {rate}"] = float(row["LQ"])
    return found


def pairs(folder: Path) -> Iterator[dict[str, object]]:
    """Yield the rated pairs of coded scene and original."""
    for label, start in SCENES.items():
        (original,) = (folder / "validation" / "audiofiles").glob(f"{start}*FOA_REF.wav")
        reference = read(original, format="foa", force_format=True)
        for rate in RATES:
            item = f"{label} {rate}"
            if item not in ratings():
                continue
            coded = Path(str(original).replace("REF", f"{rate}k"))
            estimate = read(coded, format="foa", force_format=True)
            length = min(reference.samples.shape[1], estimate.samples.shape[1])
            yield {
                "reference": reference.samples[:, :length].astype(np.float64),
                "estimate": estimate.samples[:, :length].astype(np.float64),
                "layout": "foa",
                "sample_rate": reference.sample_rate,
                "item": item,
            }


def correlations(results: Results) -> list[tuple[str, float, float, float, float, int]]:
    """Return Spearman's and Pearson's correlation of each metric with the mean ratings.

    With the bootstrap interval of Spearman's, in which the scenes are resampled.
    """
    items = [item["item"] for item in results.items]
    rated = ratings()
    means = np.array([rated[item].mean() for item in items])
    scores = {name: results[name] for name in results.metrics if METRICS[name].better}
    peer = ambiqual_scores()
    scores["AMBIQUAL LQ"] = np.array([peer[item] for item in items])
    rows = []
    for name, values in scores.items():
        if name in METRICS and METRICS[name].better == "near 0":
            values = np.abs(values)
        known = np.isfinite(values)
        if known.sum() < 10 or np.ptp(values[known]) == 0.0:
            continue
        pair = values[known], means[known]
        spearman, pearson = stats.spearmanr(*pair)[0], stats.pearsonr(*pair)[0]
        groups = np.array([item.split()[0] for item in items])[known]
        rows.append((name, spearman, pearson, *interval(*pair, groups), int(known.sum())))
    return sorted(rows, key=lambda row: -abs(row[1]))


def interval(
    values: NDArray[np.float64], means: NDArray[np.float64], groups: NDArray[np.str_]
) -> tuple[float, float]:
    """Return the 95 % interval of Spearman's correlation, from resampled scenes."""
    members = np.array([np.flatnonzero(groups == name) for name in np.unique(groups)])
    sampled = np.random.default_rng(0).integers(len(members), size=(2000, len(members)))
    places = members[sampled].reshape(len(sampled), -1)
    ranks = [stats.rankdata(each[places], axis=1) for each in (values, means)]
    first, second = (each - each.mean(axis=1, keepdims=True) for each in ranks)
    spread = np.sqrt(np.sum(first**2, axis=1) * np.sum(second**2, axis=1))
    low, high = np.nanpercentile(np.sum(first * second, axis=1) / spread, [2.5, 97.5])
    return float(low), float(high)


def table(results: Results) -> str:
    """Return the table of the page."""
    rows = [
        [
            *(f"`{name}`" if name in METRICS else name, f"{spearman:.2f}"),
            *(f"{low:.2f} to {high:.2f}", f"{pearson:.2f}", str(count)),
        ]
        for name, spearman, pearson, low, high, count in correlations(results)
    ]
    return markdown_table(["metric", "Spearman", "95 % interval", "Pearson", "pairs"], rows)


def main() -> None:
    path = DATA / "metrics.csv"
    if len(sys.argv) > 1:
        results = evaluate_batch(pairs(Path(sys.argv[1])), binaural=True)
        items = [{"item": item["item"]} for item in results.items]
        Results(items, dict(results.values)).to_csv(path)
    print(table(Results.read(path)))


if __name__ == "__main__":
    main()
