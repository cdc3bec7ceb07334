"""Assess: why is it slow, can it move, what will it cost? Reads the estate, the logs and the databases; changes nothing."""

from ..engine.stage import Stage
from . import act, judge, look
from .request import by_itself

__all__ = ["STAGE", "by_itself"]

STAGE = Stage("assess", look.look, judge.judge, act.act)
