"""The rules of Concord: pure functions and values, standard library only."""
