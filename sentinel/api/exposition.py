"""Metrics as Prometheus reads them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import Metric as Family
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from sentinel.metrics import GAUGES, METRICS, NO_BUCKET, SUM, Metric, Series

CLIENT = "client"

Rows = dict[tuple[str, ...], float]
"""Amounts of one metric by the values of its labels."""

Amounts = Mapping[Series, float]


class Exposition:
    """Counted and looked-up values as families; a metric that nobody has counted yet is there too."""

    def __init__(
        self, counted: Mapping[Series, float] | None, gauges: Mapping[Series, float], *, by_client: bool
    ) -> None:
        self._counted = counted
        self._gauges = gauges
        self._by_client = by_client

    def collect(self) -> Iterable[Family]:
        """Give every family; without counters when they cannot be known."""
        if self._counted is not None:
            rows = _by_name(self._counted)
            for name, metric in METRICS.items():
                make = _histogram if metric.buckets else self._counter
                yield make(name, metric, rows[name])
        rows = _by_name(self._gauges)
        for name, metric in GAUGES.items():
            family = GaugeMetricFamily(name, metric.help, labels=metric.labels)
            for values, amount in sorted(rows[name].items()):
                family.add_metric(values, amount)
            yield family

    def _counter(self, name: str, metric: Metric, rows: Rows) -> Family:
        labels = metric.labels
        if CLIENT in labels and not self._by_client:
            labels, rows = _without(CLIENT, labels, rows)
        family = CounterMetricFamily(name, metric.help, labels=labels)
        for values, amount in sorted(rows.items()) if labels else [((), rows.get((), 0.0))]:
            family.add_metric(values, amount)
        return family


def _by_name(amounts: Amounts) -> defaultdict[str, Rows]:
    found: defaultdict[str, Rows] = defaultdict(dict)
    for (name, *values), amount in amounts.items():
        found[name][tuple(values)] = amount
    return found


def _without(label: str, labels: tuple[str, ...], rows: Rows) -> tuple[tuple[str, ...], Rows]:
    """Add up over one label."""
    place = labels.index(label)
    summed: Rows = defaultdict(float)
    for values, amount in rows.items():
        summed[values[:place] + values[place + 1 :]] += amount
    return labels[:place] + labels[place + 1 :], dict(summed)


def _histogram(name: str, metric: Metric, rows: Rows) -> Family:
    family = HistogramMetricFamily(name, metric.help, labels=metric.labels)
    for values in sorted({each[:-1] for each in rows}):
        family.add_metric(values, list(_buckets(metric, values, rows)), rows.get((*values, SUM), 0.0))
    return family


def _buckets(metric: Metric, values: tuple[str, ...], rows: Rows) -> Iterator[tuple[str, float]]:
    """Buckets as Prometheus wants them: each holds all that is in the ones before."""
    bounds = [*map(str, metric.buckets), NO_BUCKET]
    yield from zip(bounds, accumulate(rows.get((*values, bound), 0.0) for bound in bounds), strict=True)
