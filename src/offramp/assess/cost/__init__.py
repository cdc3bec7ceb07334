"""Assess, cost: what is paid today, what would be paid on AWS, line by line with sources, and is it worth it?

Read ``comparing`` first; ``designs`` is the table of the three ways to build it, ``bills`` lists what costs money, ``usage`` and ``sizing``
say what goes in, ``model`` what comes out.
"""

from .comparing import compare
from .designs import DESIGNS

__all__ = ["DESIGNS", "compare"]
