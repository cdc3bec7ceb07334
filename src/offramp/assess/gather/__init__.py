"""Gather: what can be read of the estate, its logs and its databases, and what does each part make of it?

``logs`` and ``seen_in_logs`` read the kept lines, ``databases`` asks the databases, ``latencies`` diagnoses app by app, ``costs`` reckons;
``gathering`` does all of it in order and turns what could not be had into gaps.
"""

from .gathering import gather

__all__ = ["gather"]
