"""What is particular to one broker, beyond the suite that all of them pass."""
