"""Chaos: the bridge as real processes that are killed, frozen and cut off while signals come in. See docs/chaos.md."""
