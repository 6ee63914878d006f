"""AgentX (RFC 2741) for a subagent: codec, session and link. It needs nothing of the rest."""
