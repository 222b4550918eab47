"""Sending on a virtual clock: our own adapters and services, everything around them in memory."""
