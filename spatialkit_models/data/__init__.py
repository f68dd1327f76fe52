"""Training data, made as it is needed: stems from files and from nothing. Imports no torch."""
