"""The Connect API."""
