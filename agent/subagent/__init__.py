"""The agent below a master: what the View shows and can be set to, served over AgentX."""

from __future__ import annotations

from agent.subagent.clock import MasterTime
from agent.subagent.subagent import Subagent

__all__ = ["MasterTime", "Subagent"]
