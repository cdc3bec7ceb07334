"""Make the other side primary: hold the writers, drain, commit, repoint, release; or undo all of it.

A switch is a list of moves (``moves.py``), each with ``done``, ``do`` and ``undo``. ``settle`` may be called on any wreckage
and knows two ends: committed means forward, not committed means back.
"""

from ..engine.stage import Stage
from . import act, judge, look

STAGE = Stage("cutover", look.look, judge.judge, act.act)
