"""What is a database's URL right now? ``python -m offramp.heroku.url APP CONFIG_VAR`` prints it.

For programs that outlive a credential rotation: the pump runs this as its SOURCE_URL_COMMAND each time it connects. The token
comes from HEROKU_API_KEY, the API's address from HEROKU_API_URL. Stdout gets the URL and nothing else; stderr never gets it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from ..errors import OfframpError, UsageError
from ..kit.clock import SystemClock
from ..kit.secret import Secret
from .platform import Platform


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print the URL and return 0, or explain on stderr and return the error's exit status."""
    try:
        sys.stdout.write(f"{fresh_url(arguments, environ).reveal()}\n")
    except OfframpError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    return 0


def fresh_url(arguments: Sequence[str], environ: Mapping[str, str]) -> Secret:
    """Return the config var's present value. Raises UsageError for a bad call or a variable that is not there."""
    if len(arguments) != 2:
        raise UsageError("Two words are needed.", hint="Run `python -m offramp.heroku.url APP CONFIG_VAR`.")
    token = environ.get("HEROKU_API_KEY", "").strip()
    if not token:
        raise UsageError("The environment variable HEROKU_API_KEY is not set.", hint="Export a Heroku API token.")
    app, name = arguments
    # The reserve is the controller's business: a link that waits for it would fall behind.
    heroku = Platform(
        environ.get("HEROKU_API_URL", "https://api.heroku.com"), Secret(token), clock=SystemClock(), reserve=0
    )
    try:
        found = heroku.config_vars(app).get(name)
    finally:
        heroku.close()
    if found is None:
        raise UsageError(f"The app {app} has no config var {name}.", hint=f"`heroku config -a {app}` lists them.")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
