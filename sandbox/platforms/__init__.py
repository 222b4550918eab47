"""The simulated platforms, one folder each."""
