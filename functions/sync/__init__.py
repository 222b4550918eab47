"""Tasks on their way to the other side."""
