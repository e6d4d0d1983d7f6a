"""The runtime's verbs over HTTP, for the command line when a daemon runs and for programs on other machines."""
