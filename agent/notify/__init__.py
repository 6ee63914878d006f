"""The notification originator: what happened, told to those who want it (RFC 3413 section 3.3).

``names`` and ``target`` say what is wanted, ``dispatcher`` who is told, ``pdus`` how it is written,
``communities`` and ``engines`` how it is protected. Each target has an ``originator``: ``traps`` or
``informs`` say when something is sent, and ``sender`` has the sockets.
"""
