"""Paired differences between models and the best baseline."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from spatialkit.benchmarks import Benchmark, Row, Summary, summarize
from spatialkit.results import Metric

__all__ = ["Margin", "margin_notes", "margins"]

COMPARED = ("x_snr", "direction_error", "front_rear_accuracy", "diffuseness_error")


@dataclass(frozen=True)
class Margin:
    """Difference between a model and the baseline with the best mean, over the same examples.

    Parameters
    ----------
    system, protocol, stage : str
        Model, protocol and stage; the stage "all" is the mean over the stages of the protocol.
    metric : str
        Name of the metric.
    baseline : str
        Baseline with the best mean.
    difference : Summary
        Value of the model minus that of the baseline, with the confidence interval of the paired
        differences.
    """

    system: str
    protocol: str
    stage: str
    metric: str
    baseline: str
    difference: Summary

    def sentence(self, metric: Metric) -> str:
        """Return the margin as text."""
        found = self.difference
        interval = f" ({found.low:+.1f} to {found.high:+.1f})" if found.count > 1 else ""
        return f"{metric.title} {found.mean:+.1f} {metric.unit}{interval} against {self.baseline}"


def margins(results: Benchmark, models: Collection[str]) -> Iterator[Margin]:
    """Yield the margins of models for each protocol and stage of stereo.

    Parameters
    ----------
    results : Benchmark
        Results of `benchmark_ambisonizer`.
    models : collection of str
        Names of the models; all other systems are baselines.

    Examples
    --------
    >>> metric = Metric("x_snr", "SNR of X", "dB", "higher", "")
    >>> setting = {"protocol": "stated", "stage": "front"}
    >>> rows = [Row(name, setting, {"x_snr": values}) for name, values in
    ...         (("low", (0.0, 1.0)), ("high", (3.0, 2.0)), ("net", (4.0, 3.5)))]
    >>> (found,) = margins(Benchmark("", (metric,), tuple(rows)), ["net"])
    >>> found.sentence(metric)
    'SNR of X +1.2 dB (+1.0 to +1.5) against high'
    """
    by_name = {metric.name: metric for metric in results.metrics}
    for protocol, stage, rows in _groups(results.rows):
        for name in filter(rows.__contains__, models):
            for metric in filter(by_name.__contains__, COMPARED):
                baselines = {
                    other: found
                    for other, values in rows.items()
                    if other not in models and (found := values.get(metric)) is not None
                }
                if metric not in rows[name] or not baselines:
                    continue
                sign = -1.0 if by_name[metric].better == "lower" else 1.0
                best = max(
                    baselines, key=lambda other: sign * summarize(baselines[other].tolist()).mean
                )
                difference = summarize((rows[name][metric] - baselines[best]).tolist())
                yield Margin(name, protocol, stage, metric, best, difference)


_Values = dict[str, dict[str, NDArray[np.float64]]]


def _groups(rows: Sequence[Row]) -> Iterator[tuple[str, str, _Values]]:
    """Yield the values by protocol and stage, and their means over the stages of a protocol."""
    found: dict[str, dict[str, _Values]] = {}
    for row in rows:
        if not row.error:
            stages = found.setdefault(row.setting["protocol"], {})
            values = {name: np.asarray(x, np.float64) for name, x in row.values.items()}
            stages.setdefault(row.setting["stage"], {})[row.system] = values
    for protocol, stages in found.items():
        for stage, systems in stages.items():
            yield protocol, stage, systems
        if len(stages) > 1:
            yield protocol, "all", _mean(list(stages.values()))


def _mean(stages: Sequence[_Values]) -> _Values:
    """Return the mean over stages of the systems and metrics that all stages have."""
    first = stages[0]
    return {
        system: {
            metric: np.mean([stage[system][metric] for stage in stages], axis=0)
            for metric in first[system]
            if all(metric in stage[system] for stage in stages)
        }
        for system in first
        if all(system in stage for stage in stages)
    }


def margin_notes(found: Sequence[Margin], results: Benchmark) -> Iterator[str]:
    """Yield one note per model, protocol and stage."""
    by_name = {metric.name: metric for metric in results.metrics}
    for (system, protocol, stage), same in groupby(
        found, key=lambda margin: (margin.system, margin.protocol, margin.stage)
    ):
        text = ", ".join(margin.sentence(by_name[margin.metric]) for margin in same)
        on = f"{protocol}, all stages" if stage == "all" else f"{protocol}, {stage}"
        yield f"{system} on {on}, paired with the best baseline of each metric: {text}."
