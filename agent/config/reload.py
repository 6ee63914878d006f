"""What a new configuration may change while the agent runs."""

from __future__ import annotations

from agent.config.model import Config

__all__ = ["needs_restart"]


def needs_restart(old: Config, new: Config) -> tuple[str, ...]:
    """Return the keys that differ and that only a start takes up.

    All others can change at once: communities, users, access and how much may be asked.
    """
    return tuple(
        key
        for key, before, after in (
            ("state_directory", old.state_directory, new.state_directory),
            ("snmp.listen", old.snmp.listen, new.snmp.listen),
            ("agentx", old.agentx, new.agentx),
            # It is served as snmpEngineMaxMessageSize, and managers remember it.
            ("snmp.max_message_size", old.snmp.max_message_size, new.snmp.max_message_size),
            ("snmp.engine_id", old.snmp.engine_id, new.snmp.engine_id),
            ("snmp.identity", old.snmp.identity, new.snmp.identity),
            ("mib", old.mib, new.mib),
            ("source", old.source, new.source),
            ("peer", old.peers, new.peers),
            ("vrf", old.vrfs, new.vrfs),
            (
                "notify.extra_objects",
                old.notify.extra_objects,
                new.notify.extra_objects,
            ),
        )
        if before != after
    )
