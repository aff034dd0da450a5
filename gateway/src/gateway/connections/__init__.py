"""Connections of clients: how bytes become requests, how long it may last, and what nobody can read."""
