"""The one table: keys, items and repositories."""
