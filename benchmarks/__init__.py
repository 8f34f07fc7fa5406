"""Measurements of speed and memory, as ratios of two things measured in one run."""
