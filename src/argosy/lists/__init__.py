"""Documents that name downloads: recognised by what they hold, and read into entries.

Reading is pure: text or bytes go in, entries come out, nothing is fetched. What a document says is somebody else's word:
names are jailed and URLs checked before anything is done with them.
"""
