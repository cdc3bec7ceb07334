"""ECS as real processes: the API (``api`` and its parts), the scheduler of services (``scheduler``, ``rolling``), and tasks.

What a task goes through is in ``task``; what a container sees is in ``environment``; where its files come from is in
``images``; whether it is well is in ``health``.
"""
