"""The vendors' own clients against the simulators: proof that the simulators speak the vendors' language."""
