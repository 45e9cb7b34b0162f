"""Events: stored, moved through their states, deleted when old."""
