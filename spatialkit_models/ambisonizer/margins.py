"""How far models are from the best of the plain upmixers, example by example."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spatialkit_models.evaluation import Benchmark, Metric, Row, Summary, summarize

__all__ = ["Margin", "margins"]

COMPARED = ("x_snr", "direction_error", "front_rear_accuracy", "diffuseness_error")


@dataclass(frozen=True)
class Margin:
    """What a model has over the upmixer that is best by a metric, of the same examples.

    Parameters
    ----------
    system, protocol, stage : str
        Which model, and on what; stage "all" is the mean of all stages of the protocol.
    metric : str
        By name.
    baseline : str
        The upmixer whose mean is best.
    difference : Summary
        Of the model's values less the upmixer's, with the interval of paired values.
    """

    system: str
    protocol: str
    stage: str
    metric: str
    baseline: str
    difference: Summary

    def sentence(self, metric: Metric) -> str:
        """Say it."""
        found = self.difference
        interval = f" ({found.low:+.1f} to {found.high:+.1f})" if found.count > 1 else ""
        return f"{metric.title} {found.mean:+.1f} {metric.unit}{interval} against {self.baseline}"


def margins(results: Benchmark, models: Collection[str]) -> Iterator[Margin]:
    """Margins of models, by name, on stereo, under each protocol and stage.

    Examples
    --------
    >>> metric = Metric("x_snr", "SNR of X", "dB", "higher", "")
    >>> setting = {"protocol": "stated", "stage": "front"}
    >>> rows = [Row(name, setting, {"x_snr": values}) for name, values in
    ...         (("low", (0.0, 1.0)), ("high", (3.0, 2.0)), ("net", (4.0, 3.5)))]
    >>> (found,) = margins(Benchmark("", (metric,), tuple(rows)), ["net"])
    >>> found.sentence(metric)
    'SNR of X +1.2 dB (-1.9 to +4.4) against high'
    """
    known = {metric.name: metric for metric in results.metrics}
    for protocol, stage, rows in _groups(results.rows):
        for name in filter(rows.__contains__, models):
            for metric in filter(known.__contains__, COMPARED):
                plain = {
                    other: found
                    for other, values in rows.items()
                    if other not in models and (found := values.get(metric)) is not None
                }
                if metric not in rows[name] or not plain:
                    continue
                sign = -1.0 if known[metric].better == "lower" else 1.0
                best = max(plain, key=lambda other: sign * summarize(plain[other].tolist()).mean)
                difference = summarize((rows[name][metric] - plain[best]).tolist())
                yield Margin(name, protocol, stage, metric, best, difference)


_Values = dict[str, dict[str, NDArray[np.float64]]]


def _groups(rows: Sequence[Row]) -> Iterator[tuple[str, str, _Values]]:
    """Values of systems and metrics by protocol and stage, and means over the stages of each."""
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
    """Of systems and metrics that all stages have."""
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
