#include "agent.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void __attribute__((noreturn)) refuse(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s\n", path, what);
    exit(2);
}

/* Turns the content of a BER value into what the library encodes again. */
static bool set_cell(struct cell *cell, unsigned tag, const u_char *content, size_t size)
{
    unsigned long long number = 0;

    cell->type = (u_char)tag;
    switch (tag) {
    case ASN_INTEGER:
        number = size && content[0] & 0x80 ? ~0ULL : 0;
        /* fall through */
    case ASN_COUNTER:
    case ASN_GAUGE:
    case ASN_TIMETICKS:
    case ASN_COUNTER64:
        for (size_t i = 0; i < size; i++)
            number = number << 8 | content[i];
        if (tag == ASN_COUNTER64) {
            cell->value.counter64.high = number >> 32;
            cell->value.counter64.low = number & 0xFFFFFFFF;
            cell->size = sizeof cell->value.counter64;
        } else {
            cell->value.number = (long)number;
            cell->size = sizeof cell->value.number;
        }
        return true;
    case ASN_OCTET_STR:
    case ASN_IPADDRESS:
        if (size > sizeof cell->value.octets)
            return false;
        memcpy(cell->value.octets, content, size);
        cell->size = (u_char)size;
        return true;
    default:
        return false;
    }
}

static size_t read_hex(const char *text, u_char *octets, size_t room)
{
    size_t size = 0;
    unsigned octet;

    for (; size < room && sscanf(text, "%2x", &octet) == 1; text += 2)
        octets[size++] = (u_char)octet;
    return size;
}

/* A line a cell, in order of row and column: row, column, tag, content in hexadecimal or a dash. */
struct rows read_rows(const char *path)
{
    FILE *file = fopen(path, "r");
    struct rows rows = {0};
    unsigned number, column, tag;
    char text[128];
    u_char content[sizeof text / 2];
    size_t room = 0;

    if (!file)
        refuse(path, "cannot be read");
    while (fscanf(file, "%u %u %x %127s", &number, &column, &tag, text) == 4) {
        struct row *row = rows.count ? &rows.at[rows.count - 1] : NULL;

        if (!row || row->number != number) {
            if (rows.count == room) {
                room = room ? 2 * room : 1024;
                rows.at = realloc(rows.at, room * sizeof *rows.at);
                if (!rows.at)
                    refuse(path, "is too large");
            }
            row = &rows.at[rows.count++];
            memset(row, 0, sizeof *row);
            row->number = number;
        }
        if (column >= COLUMNS ||
            !set_cell(&row->cells[column], tag, content, read_hex(text, content, sizeof content)))
            refuse(path, "has a cell that is not understood");
    }
    if (!feof(file) || !rows.count)
        refuse(path, "is not a list of cells");
    fclose(file);
    /* Only now, when the rows have come to their place. */
    for (size_t i = 0; i < rows.count; i++) {
        rows.at[i].index.len = 1;
        rows.at[i].index.oids = &rows.at[i].number;
    }
    return rows;
}

static void serve_as_usual(const char *address)
{
    netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_PORTS, address);
    if (init_master_agent())
        refuse(address, "cannot be listened on");
    for (;;)
        agent_check_and_process(1);
}

/* As above, less two things. init_master_agent has each datagram checked against /etc/hosts.allow
 * and /etc/hosts.deny, which Debian's library reads anew each time: that is half of a GET. And
 * agent_check_and_process looks for alarms and for requests that wait for others: here are none. */
static void serve_barely(const char *address)
{
    netsnmp_transport *transport = netsnmp_transport_open_server("snmp", address);
    netsnmp_session wanted;
    struct pollfd waiting = {.events = POLLIN};
    fd_set readable;
    void *session;

    if (!transport)
        refuse(address, "cannot be listened on");
    waiting.fd = transport->sock;
    snmp_sess_init(&wanted);
    wanted.version = SNMP_DEFAULT_VERSION;
    wanted.callback = handle_snmp_packet;
    wanted.isAuthoritative = SNMP_SESS_AUTHORITATIVE;
    session = snmp_sess_pointer(snmp_add(&wanted, transport, NULL, netsnmp_agent_check_parse));
    for (;;) {
        FD_ZERO(&readable);
        FD_SET(waiting.fd, &readable);
        if (poll(&waiting, 1, -1) > 0)
            snmp_sess_read(session, &readable);
    }
}

static void serve_a_master(void)
{
    for (;;)
        agent_check_and_process(1);
}

int serve(int count, char **arguments, void (*register_table)(struct rows rows))
{
    const char *how = count == 4 ? arguments[3] : "";
    bool bare = !strcmp(how, "bare"), subagent = !strcmp(how, "subagent");
    /* Else it listens for SMUX, on a port that is the same for all agents. */
    char modules[] = "-smux";

    if (count != 3 && !bare && !subagent)
        refuse(arguments[0], "wants the file of the rows, an address, and maybe how to serve");
    snmp_enable_stderrlog();
    add_to_init_list(modules);
    if (subagent) {
        netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_ROLE, 1);
        netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_X_SOCKET, arguments[2]);
    }
    init_agent("bench");
    register_table(read_rows(arguments[1]));
    init_snmp("bench");
    if (subagent)
        serve_a_master();
    else
        (bare ? serve_barely : serve_as_usual)(arguments[2]);
    return 0;
}
