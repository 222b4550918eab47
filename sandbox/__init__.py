"""What Concord is tried against here: simulated platforms, the local stack, the demo."""
