"""HTTP/1.1 to the upstreams: requests out and answers in, over connections that are kept (decision 0023)."""
