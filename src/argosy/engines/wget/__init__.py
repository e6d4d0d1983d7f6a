"""The ``wget`` program as an engine: one process a file, for who must use it; our own rules decide what its bytes mean."""
