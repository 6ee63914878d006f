/* What both agents on libnetsnmpagent have in common: the rows, and how they are started. */
#ifndef BENCH_AGENT_H
#define BENCH_AGENT_H

#include <stdbool.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "table.h"

/* A value as the library wants it in a varbind. */
struct cell {
    u_char type; /* 0 where the row has no such instance */
    u_char size;
    union {
        long number;
        struct counter64 counter64;
        u_char octets[24];
    } value;
};

struct row {
    netsnmp_index index; /* must come first: the containers of the library compare by it */
    oid number;
    struct cell cells[COLUMNS];
};

struct rows {
    struct row *at;
    size_t count;
};

/* Reads the rows, which are in order; ends the program where they cannot be read. */
struct rows read_rows(const char *path);

/* Starts the library, has the table registered, and serves until killed. The arguments are the
 * file of the rows, the address to listen on, and maybe `bare`, to leave out what these agents do
 * not need, or `subagent`, when the address is that of an AgentX master. Users and communities are in bench.conf, in the directory that SNMPCONFPATH names. */
int serve(int count, char **arguments, void (*register_table)(struct rows rows));

#endif
