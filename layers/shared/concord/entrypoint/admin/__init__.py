"""The admin API's edge: what callers send, what they get, how an operation is declared."""
