"""May this run become the current run of a model? One module a kind of gate; judge.py asks them all."""
