"""A PostgreSQL that plans as the source does and holds none of its rows: its schema, its statistics, its sizes.

``outline`` reads them from the source, ``server`` runs the scratch server, ``carry`` builds it, ``hypothesis`` adds indexes that do not exist.
"""
