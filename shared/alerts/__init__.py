"""What a person should know, and the channels that tell it."""
