"""Paired comparison of systems: intervals of differences, signed-rank tests, effect sizes."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit._json import to_json
from spatialkit.errors import OptionError
from spatialkit.metrics.citations import bibtex
from spatialkit.metrics.definitions import METRICS, select_metrics
from spatialkit.metrics.paired_tests import (
    TEST_HEADER,
    PairedTest,
    cells_of,
    clause,
    definition,
    enumerated,
    listed,
    paired_test,
    summary_cell,
)
from spatialkit.metrics.statistics import holm_bonferroni
from spatialkit.metrics.summary import MetricSummary, summarize_values
from spatialkit.metrics.table import Table
from spatialkit.results import Metric, markdown_table
from spatialkit.storage import replace_file
from spatialkit.typing import StrPath
from spatialkit.validation import as_count, as_number, unknown_name

__all__ = ["Comparison", "compare_systems"]

# Columns that differ between systems and name no item.
SYSTEM_COLUMNS = ("system", "estimate", "layout", "read_as", "status", "error")


@dataclass(frozen=True)
class Comparison:
    """Systems compared for the same references, see `compare_systems`."""

    systems: tuple[str, ...]
    summaries: Mapping[str, tuple[MetricSummary, ...]]
    """Distribution of each metric by system, over the common items."""
    tests: tuple[PairedTest, ...]
    items: int
    """Number of references that all systems have in common."""
    dropped: int
    """Number of items without counterpart, or that failed for one of the systems."""
    alpha: float = 0.05
    seed: int = 0
    resamples: int = 9999
    definitions: Mapping[str, Metric] = field(default_factory=lambda: METRICS, repr=False)
    """Titles, units and directions of better values of the metrics."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics."""
        return tuple(each.metric for each in self.summaries[self.systems[0]])

    def statement(self) -> str:
        """Return the significant differences in words, for a paper or a report.

        One sentence per direction and two systems; more than three metrics are a Markdown list.
        """
        sentences = []
        for first, second in dict.fromkeys((test.first, test.second) for test in self.tests):
            tests = [test for test in self.tests if (test.first, test.second) == (first, second)]
            for name, other in ((first, second), (second, first)):
                found = [
                    clause(t, self.definitions)
                    for t in tests
                    if t.better == name and self._is_clear(t)
                ]
                if found:
                    sentences.append(listed(f"{name} is better than {other} in", found))
            changed = [
                clause(t, self.definitions) for t in tests if not t.better and self._is_clear(t)
            ]
            if changed:
                sentences.append(listed(f"{second} differs from {first} in", changed))
            rest = [self._title(test.metric) for test in tests if not self._is_clear(test)]
            if rest:
                sentences.append(
                    f"No significant difference between {first} and {second} was found in "
                    f"{enumerated(rest)}."
                )
        return "\n\n".join(sentences)

    def to_markdown(self) -> str:
        """Return tables of means and of tests, the statement, and the methods as Markdown."""
        rows = []
        for place, metric in enumerate(self.metrics):
            found = [self.summaries[name][place] for name in self.systems]
            cells = (summary_cell(each, self.definitions) for each in found)
            rows.append([self._title(metric), *cells])
        means = markdown_table(["metric", *self.systems], rows)
        lines_of_tests = [cells_of(test, self.definitions) for test in self.tests]
        tests = markdown_table(TEST_HEADER, lines_of_tests, left=2)
        notes = [
            f"Mean and its 95 % confidence interval (bootstrap, {self.resamples} resamples, seed "
            f"{self.seed}) over {self.items} items.",
            "Difference: mean of the second system minus the first, paired by item; of magnitudes "
            "where the best value is 0.",
            "p: two-sided Wilcoxon signed-rank test; p (Holm): corrected for all "
            f"{sum(not math.isnan(test.p) for test in self.tests)} tests, significant below "
            f"{self.alpha:g}; r: matched-pairs rank-biserial correlation.",
        ]
        if self.dropped:
            notes.append(f"{self.dropped} items without counterpart or with an error are left out.")
        lines = "\n".join(f"- {note}" for note in notes)
        return "\n\n".join([means, tests, self.statement(), lines])

    def to_csv(self, path: StrPath | None = None) -> str:
        """Return the tests as CSV, and write them to a file if there is a path."""
        text = io.StringIO()
        fields = list(PairedTest.__dataclass_fields__)
        writer = csv.DictWriter(text, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(test) for test in self.tests)
        return _write(text.getvalue(), path)

    def to_json(self, path: StrPath | None = None) -> str:
        """Return everything as JSON, and write it to a file if there is a path."""
        return _write(to_json(self.to_dict(), indent=1) + "\n", path)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        facts = {**vars(self), "tests": [asdict(test) for test in self.tests]}
        facts["summaries"] = {
            name: [asdict(each) for each in found] for name, found in self.summaries.items()
        }
        del facts["definitions"]
        facts["statement"] = self.statement()
        return facts

    def bibtex(self) -> str:
        """Return the BibTeX entries of the metrics and of the statistical methods."""
        return bibtex([name for name in self.metrics if name in METRICS], statistics=True)

    def _title(self, metric: str) -> str:
        return definition(metric, self.definitions).title

    def _is_clear(self, test: PairedTest) -> bool:
        return test.p_adjusted <= self.alpha


def compare_systems(
    results: Table | Mapping[str, Table],
    *,
    metrics: str | Iterable[str] | None = None,
    baseline: str | None = None,
    alpha: float = 0.05,
    resamples: int = 9999,
    seed: int = 0,
    definitions: Mapping[str, Metric] | None = None,
) -> Comparison:
    """Compare the results of several systems for the same references.

    Parameters
    ----------
    results : Results or mapping of str to Results
        Results by name of the system, or results with the column "system". The items of the systems
        are matched by "reference" and other names, except "estimate".
    metrics : str or iterable of str, optional
        Names of metrics and groups. By default all that the systems have in common, except
        properties of one signal such as "loudness_reference".
    baseline : str, optional
        System that the others are compared with. By default every pair of systems is compared.
    alpha : float
        Largest adjusted p value that counts as significant.
    resamples, seed : int
        As for `bootstrap_interval`.
    definitions : mapping of str to Metric, optional
        Metrics by name: title, unit and direction of better values. By default those of `evaluate`.

    Returns
    -------
    Comparison
        Of the items that all systems have in common.

    Raises
    ------
    OptionError
        If there are fewer than two systems, no common items or no common metrics, or an argument is
        not accepted.

    References
    ----------
    F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1(6), 1945; zero
    differences are handled as proposed by Wilcoxon, that is left out. S. Holm, "A simple
    sequentially rejective multiple test procedure", Scandinavian J. Statistics 6(2), 1979. D. S.
    Kerby, "The simple difference formula", Comprehensive Psychology 3, 2014. B. Efron and R.
    Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993.

    Examples
    --------
    >>> from spatialkit.metrics import Results
    >>> songs = [{"reference": name} for name in "abcdefgh"]
    >>> ours = Results(songs, {"snr": [9.0, 8.0, 7.5, 9.5, 8.5, 7.0, 9.2, 8.1]})
    >>> theirs = Results(songs, {"snr": [7.0, 7.0, 7.0, 7.0, 7.0, 6.0, 7.5, 7.2]})
    >>> print(compare_systems({"theirs": theirs, "ours": ours}).statement())
    ours is better than theirs in SNR (+1.4 dB, 95 % interval 1.0 to 1.8, p = 0.0078).
    """
    alpha = as_number(alpha, "alpha", minimum=0.0, maximum=1.0)
    resamples = as_count(resamples, "resamples", minimum=100)
    seed = as_count(seed, "seed", minimum=0)
    systems = _by_system(results)
    if baseline is not None and baseline not in systems:
        raise OptionError(unknown_name("baseline", baseline, systems))
    matched, items, dropped = _matched(systems)
    known = METRICS if definitions is None else definitions
    names = _common_metrics(systems, metrics, known)
    everything = np.zeros(items, bool)
    summaries = {
        system: tuple(
            summarize_values(name, found[name], everything, resamples=resamples, seed=seed)
            for name in names
        )
        for system, found in matched.items()
    }
    pairs = list(combinations(systems, 2))
    if baseline is not None:
        pairs = [(baseline, system) for system in systems if system != baseline]
    tests = [
        paired_test(
            *(name, pair, matched[pair[0]][name], matched[pair[1]][name]),
            *(definition(name, known).better, resamples, seed),
        )
        for pair in pairs
        for name in names
    ]
    adjusted = holm_bonferroni([test["p"] for test in tests])
    corrected = tuple(
        PairedTest(**test, p_adjusted=float(p)) for test, p in zip(tests, adjusted, strict=True)
    )
    settings = (alpha, seed, resamples, known)
    return Comparison(tuple(systems), summaries, corrected, items, dropped, *settings)


def _by_system(results: Table | Mapping[str, Table]) -> dict[str, Table]:
    if isinstance(results, Table):
        systems = {name: results.select(system=name) for name in results.systems}
        advice = 'its column "system" must contain two or more names'
    else:
        systems, advice = dict(results), "pass the results of two or more systems"
    if len(systems) < 2:
        raise OptionError(f"a comparison needs two systems, got {len(systems)}: {advice}")
    return systems


def _matched(
    systems: Mapping[str, Table],
) -> tuple[dict[str, dict[str, NDArray[np.float64]]], int, int]:
    """Return the values of the common items by system and metric, and numbers of items."""
    columns = set.intersection(*(set(results.columns) for results in systems.values()))
    names = sorted(columns - set(SYSTEM_COLUMNS))
    places: dict[str, dict[tuple[str, ...], int]] = {}
    total = 0
    for system, results in systems.items():
        found: dict[tuple[str, ...], int] = {}
        for place, item in enumerate(results.items):
            key = tuple(item.get(name, "") for name in names) if names else (str(place),)
            if key in found:
                raise OptionError(
                    f"system {system!r} has two items with {_described(names, key)}: items must "
                    "differ in reference or another column that names them"
                )
            found[key] = place
        total += len(found)
        places[system] = {key: p for key, p in found.items() if not results.items[p].get("error")}
    first = next(iter(places.values()))
    common = [key for key in first if all(key in found for found in places.values())]
    if not common:
        raise OptionError(
            f"the systems have no item in common: {', '.join(names) or 'rows'} must be equal"
        )
    matched = {
        system: {
            name: column[[places[system][key] for key in common]]
            for name, column in results.values.items()
        }
        for system, results in systems.items()
    }
    return matched, len(common), total - len(common) * len(systems)


def _described(names: Sequence[str], key: Sequence[str]) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in zip(names, key, strict=True))


def _common_metrics(
    systems: Mapping[str, Table],
    metrics: str | Iterable[str] | None,
    definitions: Mapping[str, Metric],
) -> tuple[str, ...]:
    common = [
        name
        for name in next(iter(systems.values())).metrics
        if all(name in results.values for results in systems.values())
    ]
    if metrics is None:
        chosen = [name for name in common if name not in definitions or definitions[name].better]
    else:
        named = [metrics] if isinstance(metrics, str) else list(metrics)
        own = [name for name in named if name in common and name not in METRICS]
        rest = [name for name in named if name not in own]
        known = set(select_metrics(rest) or ()) if rest else set()
        chosen = [name for name in common if name in own or name in known]
    if not chosen:
        raise OptionError(
            "the systems have none of the metrics in common; they have "
            f"{', '.join(common) or 'none'}"
        )
    return tuple(chosen)


def _write(text: str, path: StrPath | None) -> str:
    if path is not None:
        replace_file(path, text.encode())
    return text
