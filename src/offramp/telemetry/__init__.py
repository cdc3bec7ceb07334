"""Telemetry: what do the applications say of themselves? Log lines are taken in, kept and asked; it knows nothing of Heroku's API or AWS."""
