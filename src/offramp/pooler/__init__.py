"""The pooler's entrypoint: PgBouncer in transaction mode, run from a secret, with a small door for the controller.

Deployed alone, next to the applications. PgBouncer holds writers during a switch (PAUSE on its admin console); what it
cannot do by itself is take a new target at once, so this process rewrites its configuration and reloads it on request.
"""
