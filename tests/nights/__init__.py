"""Thirteen nights: what can be wrong at three in the morning, made for real, and whether the bridge names it."""
