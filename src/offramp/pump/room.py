"""Where does the pump keep what is its own in a database? In a schema that only its owner enters."""

from __future__ import annotations

from ..kit import sqlbook

MAKE = sqlbook.load("offramp.pump", "sql/room.sql")["make"] + "\n"
"""Makes the schema ``offramp``; safe to repeat, and changes nothing where it stands. Ends with a semicolon, for what follows."""
