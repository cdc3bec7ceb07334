"""Assess latency: where does the time above the objective go, why, and what would make it shorter?"""
