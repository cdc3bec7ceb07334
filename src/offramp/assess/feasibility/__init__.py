"""Feasibility: can everything move, what must be mended first, and what should stay? Rules over what was discovered; pure."""
