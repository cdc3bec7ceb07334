"""The command line: verbs and tables, no rules. Data goes to stdout, talk to stderr."""

from .main import main

__all__ = ["main"]
