"""A Heroku of one's own on loopback: Platform API, data API, dynos, router, log drains and real add-on servers.

Run it with ``python -m offramp.rehearsal.platform --dir DIR --estate ESTATE --http-port PORT``; it serves until SIGTERM.
Nothing here is written from the clients in ``offramp.heroku``: the official CLI and the official schema are its judges.

* ``estate`` and ``catalogue``: what should exist, and what Heroku sells.
* ``world``: the state that the API shows; ``views`` turns it into Heroku's JSON.
* ``api``: the routes; ``router``: HTTP to the dynos; ``dynos``: processes; ``logplex``: logs and drains; ``addons``: servers.
* ``platform``: how these are tied together; ``startup``: from an estate description to living applications.
"""
