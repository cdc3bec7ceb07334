"""The gateway's Nginx: one configuration, rendered from the sites it serves."""

from .render import Site, render

__all__ = ["Site", "render"]
