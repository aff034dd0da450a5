"""Many writes in one call: decided in memory, in their order, and stored by one statement."""
