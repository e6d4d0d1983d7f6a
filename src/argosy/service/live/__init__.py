"""What happens, told while it happens: one reader of the bus, and a bounded queue for each WebSocket or SSE client."""
