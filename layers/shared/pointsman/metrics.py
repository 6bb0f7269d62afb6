"""CloudWatch metrics as log lines (embedded metric format), through Powertools, which the first one loads."""

from collections.abc import Mapping

__all__ = ["emit_metrics"]

_NAMESPACE = "Pointsman"


def emit_metrics(counts: Mapping[str, int], **dimensions: str) -> None:
    """Write metrics that share their dimensions as one line.

    Args:
        counts: At most 99 metrics by name, each a count.
        **dimensions: Dimensions by name. Each value makes a metric of its own, which is billed: use a fixed vocabulary,
            no ids and no secrets.
    """
    # No extra cost at a cold start: the Logger loads this module too.
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

    metrics = EphemeralMetrics(namespace=_NAMESPACE)
    for name, value in dimensions.items():
        metrics.add_dimension(name, value)
    for name, count in counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    metrics.flush_metrics()
