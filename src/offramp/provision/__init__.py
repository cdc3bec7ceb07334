"""Blueprint to what must exist on AWS before anything runs: network, databases and caches, the platform, names, roles.

Three CloudFormation stacks hold everything that can be thrown away as one. What a customer may have already, or what must
outlive a stack, is looked for first and made only when it is absent: the hosted zone and the image repositories.
"""

from ..engine.stage import Stage
from . import act, judge, look

STAGE = Stage("provision", look.look, judge.judge, act.act)
