"""A plug-in for Argosy: ``gutenberg:1342`` are the files of a book, ``drawer:NAME`` is a file of a folder."""
