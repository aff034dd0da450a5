"""Registering: the account is made at once, or waits until somebody shows that they read its address."""
