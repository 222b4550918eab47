"""Measures what docs/ claims: requests, capacity units, CPU side by side, sizes (docs/bench.md)."""
