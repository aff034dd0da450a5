"""What the heads of requests and answers say, and which of it passes."""
