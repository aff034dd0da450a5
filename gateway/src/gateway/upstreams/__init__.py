"""The services behind the gateway: their endpoints, how much they bear, and what is asked of them again."""
