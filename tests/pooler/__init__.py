"""The bridge behind a connection pooler that lends it another server in each transaction."""
