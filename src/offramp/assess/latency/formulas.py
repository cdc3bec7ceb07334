"""What does queueing theory expect? Formulas for when there are no lines to replay, and to check those that there are."""

from __future__ import annotations

import math


def mean_wait(workers: int, utilisation: float, service_ms: float, arrival_cv2: float, service_cv2: float) -> float:
    """Return Allen-Cunneen's mean wait in ms with Sakasegawa's probability of waiting; infinite from a utilisation of 1.

    Of the right order and up to 140 % high on simulated traces: use it only where there are no lines to split.

    >>> round(mean_wait(1, 0.5, 100, 1, 1))
    100
    """
    if utilisation >= 1 or workers < 1:
        return math.inf
    waiting: float = utilisation ** (math.sqrt(2 * (workers + 1)) - 1) / (workers * (1 - utilisation))
    return (arrival_cv2 + service_cv2) / 2 * waiting * service_ms


def in_flight(per_second: float, mean_ms: float) -> float:
    """Little's law: the mean number of requests that are there at once.

    >>> in_flight(10, 500)
    5.0
    """
    return per_second * mean_ms / 1000
