"""Who we talk to: network management systems, operators, and the daemons that tell us."""
