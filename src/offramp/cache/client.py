"""How is a Redis or Valkey server reached? By its URL; Heroku's have certificates that nobody has signed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import valkey

from ..errors import CredentialsRejectedError, OutsideError, UnreachableError
from ..kit.secret import Secret

SECONDS = 10.0


@contextmanager
def connected(url: Secret, *, verified: bool) -> Iterator[Any]:
    """Open a connection; ``verified`` demands a certificate that can be checked. Translates the driver's errors into ours."""
    text = url.reveal()
    words: dict[str, Any] = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS, "client_name": "offramp"}
    if text.startswith("rediss:") and not verified:
        words |= {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    try:
        with valkey.Valkey.from_url(text, **words) as server:
            yield server
    except valkey.AuthenticationError as error:
        raise CredentialsRejectedError(
            "A cache does not accept our credentials.", hint="Heroku rotates them; resolve the URL again."
        ) from error
    except (valkey.ConnectionError, valkey.TimeoutError) as error:
        # The driver names host and port, never the password.
        raise UnreachableError(f"A cache cannot be reached ({_first_line(error)}).") from error
    except valkey.ValkeyError as error:
        raise OutsideError(f"A cache refused a command: {_first_line(error)}.") from error


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
