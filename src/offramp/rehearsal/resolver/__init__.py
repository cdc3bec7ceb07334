"""A folder for PYTHONPATH: its ``sitecustomize`` makes Python programs ask the rehearsal's DNS server."""

from pathlib import Path

FOLDER = Path(__file__).parent
