"""Ecomail: lists of contacts with fields, events, and a webhook per list."""
