"""What Concord is tried against on a developer's machine: simulated platforms, the local stack, the demo."""
