"""How stages run: verdicts, journal, lease, events."""
