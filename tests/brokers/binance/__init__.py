"""What is particular to Binance, on a simulated exchange over HTTP."""
