"""Tests of the command line on a real PostgreSQL."""
