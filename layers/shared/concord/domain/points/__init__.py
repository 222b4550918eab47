"""Points: programmes, accounts, and the postings that move them (rules.md, Points)."""
