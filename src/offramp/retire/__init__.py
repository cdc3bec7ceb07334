"""Let go of Heroku: a final backup, everything switched off, nothing of ours left behind."""

from ..engine.stage import Stage
from . import act, judge, look

STAGE = Stage("retire", look.look, judge.judge, act.act)
