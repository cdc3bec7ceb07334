"""Assess latency: where does the time above the objective go, why, and what would make it shorter?

``assess`` is the entrance; ``Facts`` is what may be known beside router lines; ``Latency`` is the answer.
"""

from .assessing import assess
from .facts import Facts, TaskSize
from .model import Latency

__all__ = ["Facts", "Latency", "TaskSize", "assess"]
