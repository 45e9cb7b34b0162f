"""What people are shown: listings, receipts, timelines. Reads only."""
