"""Dynos: real processes of an app's process types, kept running as the formation says."""
