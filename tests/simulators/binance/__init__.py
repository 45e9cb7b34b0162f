"""A simulated Binance USD-M futures exchange over HTTP, in the words of its published API."""
