"""Simulated platforms, the local stack and the demo; imports nothing of `concord`."""
