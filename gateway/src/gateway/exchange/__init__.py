"""One request and its answer on their way through: what came, what has become of it, and the bytes of both."""
