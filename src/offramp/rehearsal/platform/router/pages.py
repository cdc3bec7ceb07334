"""What does the router itself answer when no dyno does?"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

_PAGE = """<!DOCTYPE html>
<html>
  <head>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta charset="utf-8">
    <title>{title}</title>
  </head>
  <body>
    <main><h1>{heading}</h1><p>{text}</p></main>
  </body>
</html>
"""
_FRAME = """<!DOCTYPE html>
<html>
  <head><meta charset="utf-8"><title>{title}</title></head>
  <body style="margin:0"><iframe src="{url}" style="border:0;width:100%;height:100vh"></iframe></body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Page:
    title: str
    heading: str
    text: str

    def render(self, custom: str = "") -> bytes:
        """Return the page, or a frame around ``custom``, the URL that the app configured for it."""
        if custom:
            return _FRAME.format(title=self.title, url=escape(custom, quote=True)).encode()
        return _PAGE.format(title=self.title, heading=self.heading, text=self.text).encode()


APPLICATION_ERROR = Page(
    "Application Error",
    "Application error",
    "An error occurred in the application and your page could not be served. If you are the application owner, check your "
    "logs for details. You can do this from the Heroku CLI with the command <code>heroku logs --tail</code>",
)
MAINTENANCE = Page(
    "Offline for Maintenance",
    "Offline for Maintenance",
    "This application is undergoing maintenance right now. Please check back later.",
)
NO_SUCH_APP = Page(
    "No such app",
    "There's nothing here, yet.",
    "When an app is deployed here, you'll see it. The domain is not associated with any app.",
)
BAD_REQUEST = Page("Bad Request", "Bad request", "The request could not be understood.")
