"""Walks through the house: an event goes in at one door, and what came of it is looked at."""
