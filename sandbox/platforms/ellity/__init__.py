"""Ellity: a loyalty system that posts what the merchant wrote, with its values filled in."""
