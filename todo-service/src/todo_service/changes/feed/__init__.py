"""`GET /changes`: everything that has changed since a token, so that a client keeps a copy of its own."""
