"""Footprint to healthy services on AWS that still use Heroku's databases and caches, through the pooler.

What changes for an application is only where its database answers (the pooler) and the variables that the blueprint names;
its configuration is otherwise Heroku's, kept in one secret per app and compared by fingerprint.
"""

from ..engine.stage import Stage
from . import act, judge, look

STAGE = Stage("deploy", look.look, judge.judge, act.act)
