"""Routes of the Connect API, one module per noun."""
