"""How is one deed of a cutover done?"""

from __future__ import annotations

from typing import assert_never

from ..design.model import Blueprint
from ..tools import Tools
from . import caches, settle
from .model import CarryCaches, Deed, MoveCaches, SettleWave, SwitchWave
from .open import switching


def act(deed: Deed, tools: Tools) -> None:
    """Do one deed; safe to repeat after any crash."""
    match deed:
        case SwitchWave(wave, direction, epoch, blueprint, reason):
            with switching(tools, blueprint, wave, direction, epoch) as switch:
                switch.reason = reason
                settle.perform(switch, tools.interrupt)
        case SettleWave(wave, direction, epoch, blueprint):
            with switching(tools, blueprint, wave, direction, epoch) as switch:
                settle.settle(switch, tools.interrupt)
        case MoveCaches(wave, blueprint):
            _move_caches(tools, blueprint, wave)
        case CarryCaches(wave, blueprint):
            caches.carry_wave(tools, blueprint, wave)
        case _:
            assert_never(deed)


def _move_caches(tools: Tools, blueprint: Blueprint, wave: str) -> None:
    """Note in the world that the wave's caches are on AWS; `deploy` then rolls the services over to them."""
    tools.aws.parameters.put(f"/{blueprint.name}/caches/{wave}", "aws")
