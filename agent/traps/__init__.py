"""``flowmib traps``: receives notifications and prints them."""
