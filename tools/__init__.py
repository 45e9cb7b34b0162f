"""Programs beside the bridge. They may import everything, and nothing imports them."""
