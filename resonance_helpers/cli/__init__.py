"""The command ``resonance``."""
