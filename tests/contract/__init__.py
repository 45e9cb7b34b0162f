"""The conformance suite: what every broker adapter must do, in numbered cases (BC-001 and on)."""
