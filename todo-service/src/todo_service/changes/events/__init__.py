"""Live events: each device hears that something has changed, and pulls what it is from the feed.

`hub.EventHub` has the streams of a process, `routes` is how a device opens one, and `channels.announce` is what a write
calls when it has raised its user's counter.
"""
