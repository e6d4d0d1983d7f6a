"""The runtime's verbs over HTTP, for the command line when a daemon runs and for programs on other machines.

:mod:`client` has the verbs; :mod:`wire` writes what they ask and :mod:`reading` reads what is answered, both pure;
:mod:`transport` is the one place that talks to libcurl, :mod:`subscription` the one that keeps a stream of events alive;
:mod:`discovery` finds out who is to be asked. Nothing here decides anything about downloads.
"""
