"""Keep every database's copy on the other side equal to its primary: one link per database, never two."""

from ..engine.stage import Stage
from . import act, judge, look

STAGE = Stage("replicate", look.look, judge.judge, act.act)
