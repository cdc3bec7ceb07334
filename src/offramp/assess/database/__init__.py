"""Why is the database slow, and which indexes would help? Without superuser, without a row leaving the source.

``advise`` reads one database and plans its statements on a scratch server (``scratch``) that carries the source's statistics and sizes;
``readings.read`` taken earlier makes it look at the time between.
"""

from .advise import advise
from .model import DatabaseAdvice, Options, Requests
from .readings import Reading

__all__ = ["DatabaseAdvice", "Options", "Reading", "Requests", "advise"]
