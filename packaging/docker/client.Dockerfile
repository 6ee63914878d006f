FROM debian:12-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends snmp \
 && rm -rf /var/lib/apt/lists/*
ENV MIBDIRS=/usr/share/snmp/mibs/flowmib MIBS=CISCO-IPSEC-FLOW-MONITOR-MIB:SNMPv2-MIB
CMD ["sleep", "infinity"]
