"""What all families of netlink(7) have in common."""
