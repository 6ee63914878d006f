"""What the Linux kernel counts of IPsec, which no IKE daemon tells.

From the wire up: ``codec`` (the SAs over NETLINK_XFRM), ``statistics`` (the text of
/proc/net/xfrm_stat), ``link`` (the socket), ``sas`` (the SAs as they were last read), ``watch``
(what happened between two readings) and ``source`` (the readings and their failures).

Both are those of one network namespace: that of the process that reads.
"""
