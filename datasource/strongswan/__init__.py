"""strongSwan as a data source, over its VICI socket.

From the wire up: ``packet`` (codec), ``link`` (a connection), ``convert`` (messages to security
associations), ``ike_log`` (log lines to counts), ``session`` (events to reports to the tracker) and
``source`` (the connections, their failures and the polling).

What goes wrong comes another way, too: ``error_notify`` (codec), ``error_link`` (the connection),
``alerts`` and ``signs`` (what the words mean), ``reports`` (all sources in one form) and
``failures`` (one row for each failure).
"""
