"""One contract per port: every implementation and every emulator passes the same tests."""
