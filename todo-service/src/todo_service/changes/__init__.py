"""What changed, in which order, and who is told: the counter of each user, and what hangs on it."""
