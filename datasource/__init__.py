"""What is true: the gateway's tunnels, from whatever keeps them.

Everything here is in the terms of IKE (RFC 2409, RFC 7296) and IPsec (RFC 4301); nothing here knows
SNMP. Sources report security associations (SAs) to the :class:`~datasource.tracker.Tracker`, which
turns them into tunnels that outlive their SAs, and gives out immutable snapshots.
"""
