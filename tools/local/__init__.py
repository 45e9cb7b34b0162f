"""PostgreSQL and Redis on a machine that has neither: for `make run`, `make test` and the CLI beside them."""
