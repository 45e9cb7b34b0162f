"""The judge of a run: what the sender was told, the bridge's tables and the broker's books, held against each other."""
