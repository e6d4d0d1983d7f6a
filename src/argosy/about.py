"""What Argosy calls itself."""

VERSION = "0.1.0"
