"""Rules of law and carriers as data (L-09): a pack per country. `domain/law.py` reads them.

Data, not legal advice: `secondary` marks what was not read in the statute itself.
"""
