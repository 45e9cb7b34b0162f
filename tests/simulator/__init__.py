"""The simulator: its judgement, its misbehaviour, its page, and whole stories with the real bridge."""
