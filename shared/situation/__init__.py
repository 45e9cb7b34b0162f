"""What a decision about an event looks at."""
