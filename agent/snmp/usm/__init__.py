"""The User-based Security Model of SNMPv3 (RFC 3414): who asks, and what nobody else may read.

``protocols`` (which there are, and how a passphrase becomes a key), ``authentication`` and
``privacy`` (the two modules that work with keys), ``users`` (settings, and users with their keys).
"""
