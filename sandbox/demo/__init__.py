"""The tour: one day in a shop, played on the running local stack."""
