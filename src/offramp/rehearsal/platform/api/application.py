"""Which routes does the simulated Heroku serve?"""

from __future__ import annotations

from aiohttp import web

from ..platform import Platform
from . import account, addons, apps, config, data_postgres, data_redis, formation, logs, operator, surroundings
from .context import PLATFORM
from .middleware import heroku

# More specific paths first: `/users/~` must not be taken for `/users/{account}/apps`' sibling of another meaning.
MODULES = (account, apps, formation, config, addons, logs, surroundings, data_postgres, data_redis, operator)


def make(platform: Platform) -> web.Application:
    """Return the aiohttp application of a platform."""
    app = web.Application(middlewares=[heroku], client_max_size=1024**2)
    app[PLATFORM] = platform
    for module in MODULES:
        app.add_routes(module.routes)
    data_postgres.set_up(app)
    return app
