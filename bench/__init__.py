"""Benchmarks: offramp's pump beside its peers and the physical limit, in one go, on the same two clusters.

``python -m bench.pump`` measures, one part at a time (``parts``), every engine (``peers``) on the clusters of ``clusters``.
"""
