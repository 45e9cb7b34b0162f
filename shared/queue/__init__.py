"""Redis: doorbells, and the canary that proves that they are heard."""
