"""Of what is a comparison of costs made? Usage and sizes, bills line by line, the verdict.

Money is in US cents as whole ``Decimal`` numbers per month of 730 hours, in fields named ``cents`` or ``..._cents``; prices per unit are
in US dollars, in fields named ``usd``. Everything has ``to_json``, where cents are integers and dollars are strings.
"""

from .bill import GROUPS, HOURS, Bill, Design, DesignName, Flags, Group, HerokuBill, HerokuLine, Line
from .comparison import Comparison, Payback, Saving, Verdict, Word
from .demand import Basis, CacheSize, DatabaseSize, Estimate, Growth, JobSize, ProcessSize, Sizes, Usage

__all__ = [
    "GROUPS",
    "HOURS",
    "Basis",
    "Bill",
    "CacheSize",
    "Comparison",
    "DatabaseSize",
    "Design",
    "DesignName",
    "Estimate",
    "Flags",
    "Group",
    "Growth",
    "HerokuBill",
    "HerokuLine",
    "JobSize",
    "Line",
    "Payback",
    "ProcessSize",
    "Saving",
    "Sizes",
    "Usage",
    "Verdict",
    "Word",
]
