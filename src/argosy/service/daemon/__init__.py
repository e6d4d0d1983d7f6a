"""The process: where it listens, how HTTP comes off the wire, what signals and systemd mean, where its log goes.

:mod:`daemon` begins every part and ends them in turn. Nothing but the command line imports this package.
"""
