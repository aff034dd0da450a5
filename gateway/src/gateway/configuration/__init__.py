"""What the gateway runs with: `gateway.toml` and the environment, read once, with every fault told at once."""
