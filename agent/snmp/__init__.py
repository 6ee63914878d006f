"""The SNMP engine: messages, protocol operations, and the UDP shell around them."""
