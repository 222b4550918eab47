"""Use cases: ask the domain, commit through a port."""
