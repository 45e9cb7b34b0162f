"""The paper broker: real books, real margin and real prices that never were; to try the bridge out and to test it."""
