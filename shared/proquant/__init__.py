"""All that knows the JSON of ProQuant: the envelope, one module a version, the nine errors."""
