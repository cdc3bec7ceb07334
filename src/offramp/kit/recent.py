"""What did the last look see, for the one look that only checks whether its deed took effect?"""

from __future__ import annotations


class Recent:
    """Kept between a look, the deed that follows from it, and the look after that; then forgotten."""

    def __init__(self) -> None:
        self._seen: object = None
        self._acted = False

    def saw(self, seen: object) -> None:
        """A look ended."""
        self._seen, self._acted = seen, False

    def acted(self) -> None:
        """The deed that follows from the last look was done: the world outside has been looked at a moment ago."""
        self._acted = True

    def again(self) -> object:
        """Return what was seen, once, if the deed was done since; else None: look anew.

        >>> recent = Recent(); recent.saw("a"); recent.again()
        >>> recent.saw("a"); recent.acted(); (recent.again(), recent.again())
        ('a', None)
        """
        seen, acted = self._seen, self._acted
        self._seen, self._acted = None, False
        return seen if acted else None
