"""``python -m offramp`` is the same as the command ``offramp``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
