"""Orders, fills and positions, from intent to reconciliation."""
