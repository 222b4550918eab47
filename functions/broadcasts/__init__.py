"""Broadcasts: from a draft's audience to what was handed over."""
