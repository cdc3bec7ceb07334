"""What makes each kind of finding speak, and what is so near to it that it must stay silent?"""

from __future__ import annotations

from feasible_cases_apps import BUILDS, CONFIG, JOBS, REQUESTS
from feasible_cases_around import ADDONS, PEOPLE, PLACES
from feasible_cases_data import DATABASES, POOLING
from feasible_worlds import Case, World

__all__ = ["CASES", "Case", "World"]

CASES = (*DATABASES, *POOLING, *REQUESTS, *BUILDS, *CONFIG, *JOBS, *ADDONS, *PLACES, *PEOPLE)
