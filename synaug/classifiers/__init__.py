"""Classifiers that score an arm's training rows."""
