"""Tests of the accounts service, through HTTP on a real PostgreSQL."""
