"""Who may ask what: the gate every request passes, the one table of permissions, tokens, sessions and signatures."""
