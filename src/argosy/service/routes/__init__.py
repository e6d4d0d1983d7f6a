"""One module for each group of addresses: it reads a request, calls a verb, and writes the answer."""
