"""HTTP between the server and the webhook: requests, their bodies, and responses."""
