"""What time takes away."""
