"""Discover: what runs on Heroku? Reads Heroku's API and, read-only, its databases, and keeps the answer in ``estate.json``."""

from ..engine.stage import Stage
from . import act, judge, look

STAGE = Stage("discover", look.look, judge.judge, act.act)
