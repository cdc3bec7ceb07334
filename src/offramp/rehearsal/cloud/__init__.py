"""Emulated AWS: an endpoint that boto3 talks to, with real processes behind it.

The control plane is ministack (``emulator``); wherever its answers would be fiction, ``front`` answers instead from the data
plane: ``ecs`` runs tasks as processes in ECS's order of events, ``balancers`` asks targets for their health, ``cloudmap``,
``zones`` and ``dns`` resolve names, ``databases`` and ``caches`` run PostgreSQL and Valkey. What stays fake is listed in
``known_fakes.json``.
"""
