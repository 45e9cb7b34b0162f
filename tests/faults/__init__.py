"""What must hold whatever fails: the checker of the invariants, and the tests that make things fail."""
