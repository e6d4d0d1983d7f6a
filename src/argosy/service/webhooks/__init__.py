"""What happened, told to other servers: signed, persisted until delivered, and never to an address it should not reach."""
