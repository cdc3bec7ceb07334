"""AWS, spoken through boto3: stacks, tasks, secrets, names, metrics. Frozen dataclasses come out, no dict crosses the border.

Every client takes names that the caller derives from its goal, so that a repeated call is a look-up; every foreign error
leaves as one of ``offramp.errors``.
"""

from .clients import Clients

__all__ = ["Clients"]
