"""Whole cases, told as their users would."""
