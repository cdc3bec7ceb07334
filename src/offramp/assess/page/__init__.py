"""The page: the three answers on the first screen, then the evidence, in one file that works offline and prints well."""

from .render import render

__all__ = ["render"]
