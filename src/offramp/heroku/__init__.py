"""Heroku's Platform API and data API, each call typed: what a person can do in ``heroku``, this client can do for them.

The token needs the scope ``read-protected`` to look (config vars are protected) and ``write-protected`` to scale, set config
vars, add drains and remove add-ons. Nothing here needs ``global``.
"""

from .data import Data
from .platform import Platform

__all__ = ["Data", "Platform"]
