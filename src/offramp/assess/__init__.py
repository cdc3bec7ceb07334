"""Assess: why is it slow, can it move, what will it cost? Reads the estate, the logs and the databases; changes nothing."""
