"""A deterministic, seeded simulation of the whole pipeline: the real receiver, worker and sweep; the rest is ours."""
