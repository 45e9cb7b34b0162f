"""What a person does to the bridge, by the command line or the management API."""
