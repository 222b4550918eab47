"""Points, played by seeds: the real handlers on a virtual clock, with everything failing."""
