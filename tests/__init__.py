"""Tests, importable under this name so that they can share planted ledgers."""
