"""HTTP traffic and jobs move to AWS: front ends' origins, then DNS weights step by step, then workers and schedules.

Traffic returns by itself when errors rise; a job runs on one side only.
"""

from ..engine.stage import Stage
from . import act, judge, look

STAGE = Stage("shift", look.look, judge.judge, act.act)
