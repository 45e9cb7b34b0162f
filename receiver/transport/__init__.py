"""The way of a request from the server to the webhook, and of its response back."""
