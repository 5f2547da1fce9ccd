"""`reproduce`: restore, rebuild, find the inputs, run again, compare, and say how it went."""
