"""The tests: unit (pure), contract, integration (real PostgreSQL and Redis), acceptance (what a user runs), faults."""
