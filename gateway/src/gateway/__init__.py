"""What clients ask first: it decides about a request, and passes it on to the service whose address it is.

A request goes through the rooms in this order, and its answer back the other way:

    connections     bytes of a client become a request, and how long that may take
    edge            decides in a fixed order: heads, cors, routing, tokens, limits; every refusal is one of problems
    exchange        takes the request through, and both bodies, piece by piece
    upstreams       which endpoint of the service is asked, whether it is, and whether a second time
    transport       HTTP/1.1 to that endpoint, over connections that are kept

Beside them: configuration (what all of it runs with), openapi (the document of the whole), access_log and metrics;
watch (ends a request's work when its client has gone or its time is over) and patience (how long a wait may be).
`main` puts it together, `__main__` serves it. Imports between rooms go one way only; `make check` says which.
"""
