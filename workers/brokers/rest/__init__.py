"""Bring your own broker: any system that answers the REST contract of docs/brokers/http-openapi.yaml."""
