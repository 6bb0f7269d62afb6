"""Numbers for CloudWatch, as lines of the log (EMF) through Powertools. Loaded by the first one, like the log."""

from collections.abc import Mapping

__all__ = ["emit_metrics"]

_NAMESPACE = "Pointsman"


def emit_metrics(counts: Mapping[str, int], **dimensions: str) -> None:
    """Write these metrics, which share their dimensions, as one line; at most 99.

    Each value of a dimension is a metric of its own and costs as one: fixed words only, no id and no secret.
    """
    # With the Logger, which loads it anyway, it costs nothing more.
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

    metrics = EphemeralMetrics(namespace=_NAMESPACE)
    for name, value in dimensions.items():
        metrics.add_dimension(name, value)
    for name, count in counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    metrics.flush_metrics()
