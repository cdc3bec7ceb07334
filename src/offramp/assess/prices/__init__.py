"""Assess, prices: what AWS charges for each thing that offramp builds, from which source and of which day."""
