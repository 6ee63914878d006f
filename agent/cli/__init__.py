"""The command ``flowmib``."""
