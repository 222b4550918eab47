"""The whole house in one process: real handlers, moto, and the sandbox platforms."""
