"""What happened that matters to the safety of an account, and from where."""
