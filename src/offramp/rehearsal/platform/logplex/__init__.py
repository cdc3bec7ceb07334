"""Logplex: one channel per app, a tail buffer, and drains in the wire format that Heroku documents."""
