"""The commands of `concord`, one module per subject."""
