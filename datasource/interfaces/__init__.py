"""The network interfaces of this machine, and over which of them a peer is reached (rtnetlink(7)).

Of pyroute2 only the messages are used. Its sockets bring event loops, threads or child processes of
their own, depending on the version.
"""
