"""Design: what should it be on AWS? Proposes ``blueprint.toml`` once, then holds what people made of it to the estate."""

from ..engine.stage import Stage
from . import act, judge, look
from .file import load

__all__ = ["STAGE", "load"]

STAGE = Stage("design", look.look, judge.judge, act.act)
