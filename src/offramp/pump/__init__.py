"""The data plane: moves rows between two PostgreSQL databases live, without superuser. Knows nothing of Heroku or AWS.

Capture notes keys of changed rows at the origin; a batch reads what lies between two snapshots and commits it with its position
at the receiver; copy, verification, fence, sequences and the way back are built on that one idea (docs/explanation/replication.md).

Where to look:
    the link's life     link session beginning following duty state status model
    capture             capture functions trees logs guarding
    a batch             window batch stream apply
    the copy            copying bulk building
    verification        verify inspecting rounds turns cutting digest examining differing footing checks
    schema, once        archive schema roles grants policies surroundings database views sequences objects checking probes differences
    schema, meanwhile   fingerprint adapting evolving picture changes rules things trunks branches sketching
    the switch          fencing vacuuming arming standby switch sequences removal
    trouble             watching throttle pulse incarnation reviving
    alone               standalone standing turning moves observing progress proving metrics places
"""

from .arming import arm, capture_ahead, close_link, disarm, give_back, hand_on_checks, reopen_link
from .checking import check
from .differences import schema_differences
from .fencing import demand_free, fence, fenced, sweep, unfence
from .link import run
from .model import (
    Concern,
    Difference,
    Direction,
    Event,
    FenceMark,
    Link,
    LinkStatus,
    Progress,
    SwitchRecord,
    TableStatus,
    Verification,
)
from .moves import runner
from .objects import CarriedObjects, carry_objects
from .removal import leftovers, remove
from .reviving import revive
from .sequences import carry_sequences
from .session import Means
from .standby import prepare_standby, restore_primary, validate_constraints
from .status import drained, resume, status
from .stragglers import Visitor, end, free_share, in_transaction, strand, visitors
from .switch import forget_open_switch, read_switch, record_switch, report_hold
from .vacuuming import send_vacuum_away
from .verify import request_verification, verified_since, verify_all
from .views import Refreshed, refresh_views

__all__ = [
    "CarriedObjects",
    "Concern",
    "Difference",
    "Direction",
    "Event",
    "FenceMark",
    "Link",
    "LinkStatus",
    "Means",
    "Progress",
    "Refreshed",
    "SwitchRecord",
    "TableStatus",
    "Verification",
    "Visitor",
    "arm",
    "capture_ahead",
    "carry_objects",
    "carry_sequences",
    "check",
    "close_link",
    "demand_free",
    "disarm",
    "drained",
    "end",
    "fence",
    "fenced",
    "forget_open_switch",
    "free_share",
    "give_back",
    "hand_on_checks",
    "in_transaction",
    "leftovers",
    "prepare_standby",
    "read_switch",
    "record_switch",
    "refresh_views",
    "remove",
    "reopen_link",
    "report_hold",
    "request_verification",
    "restore_primary",
    "resume",
    "revive",
    "run",
    "runner",
    "schema_differences",
    "send_vacuum_away",
    "status",
    "strand",
    "sweep",
    "unfence",
    "validate_constraints",
    "verified_since",
    "verify_all",
    "visitors",
]
