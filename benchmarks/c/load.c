/* Asks an agent as fast as it answers, over one of three loads, and prints what came back as JSON.
 *
 *   bulk     each stream walks one column over and over with GETBULK
 *   columns  the same over ten columns at once
 *   get      each stream gets one random row of a column after the other
 *
 * A stream is a socket with one request outstanding. The generator looks for answers without ever
 * going to sleep: waking it up would be work of the agent's, and as much for each agent. */
#include "table.h"
#include "usm.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_STREAMS = 64,
    MAX_COLUMNS = 16,
    MAX_ROWS = 200000,
    MAX_MESSAGE = 65536,
    PREFIX_SIZE = 14, /* ENTRY encoded, and a column number */
    MAX_NAME = PREFIX_SIZE + 5,
    PATIENCE = 1, /* seconds for an answer */
};

/* Seconds before the measurement, for caches, and for an agent that had been stopped. */
static const double warm_up = 0.5;

struct stream {
    int socket;
    uint32_t id;
    uint32_t row; /* asked for, or after */
    double asked_at;
};

static struct {
    int port, pid;
    const char *load, *user, *auth_password, *priv_password;
    uint8_t columns[MAX_COLUMNS];
    int column_count, stream_count, repetitions;
    double seconds;
} options = {.stream_count = 4, .repetitions = 50, .seconds = 1.0};

static struct {
    uint64_t answers, varbinds, octets, timeouts, missing;
    double waiting, computed_before;
} counted;

static struct usm *usm;
static bool getting;
static uint32_t rows[MAX_ROWS];
static size_t row_count;
static struct stream streams[MAX_STREAMS];

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void __attribute__((noreturn)) fail(const char *what)
{
    fprintf(stderr, "load: port %d, %s: %s\n", options.port, options.load, what);
    exit(1);
}

/* Seconds for which the agent has computed, the kernel for it included. */
static double computed(void)
{
    char path[32], line[1024], *fields;
    unsigned long user = 0, system = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/stat", options.pid);
    file = fopen(path, "r");
    if (!file || !fgets(line, sizeof line, file))
        fail("the agent is gone");
    fclose(file);
    /* The second field is the name of the program, in parentheses. */
    fields = strrchr(line, ')');
    if (!fields || sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                          &system) != 2)
        fail("the times of the agent cannot be read");
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* Repeatable, so that each agent is asked for the same. */
static uint32_t random_number(void)
{
    static uint32_t state = 2463534242;

    state ^= state << 13;
    state ^= state >> 17;
    return state ^= state << 5;
}

static size_t write_name(uint8_t *name, uint8_t column, uint32_t row)
{
    /* 1.3 share an octet, 171 takes two. */
    static const uint8_t entry[] = {0x2B, 6, 1, 4, 1, 9, 9, 0x81, 0x2B, 1, 3, 2, 1};
    size_t size = sizeof entry;

    memcpy(name, entry, size);
    name[size++] = column;
    if (row) { /* no row has the index 0: before the first there is the column's own name */
        int shift = 28;

        while (!(row >> shift))
            shift -= 7;
        for (; shift; shift -= 7)
            name[size++] = (uint8_t)(0x80 | (row >> shift & 0x7F));
        name[size++] = row & 0x7F;
    }
    return size;
}

/* Reads the row of a name in this column; false where the name is in another. */
static bool read_name(struct in name, uint8_t column, uint32_t *row)
{
    uint8_t prefix[MAX_NAME];

    write_name(prefix, column, 0);
    if (name.end - name.at <= PREFIX_SIZE || memcmp(name.at, prefix, PREFIX_SIZE))
        return false;
    *row = 0;
    for (name.at += PREFIX_SIZE; name.at < name.end; name.at++) {
        *row = *row << 7 | (*name.at & 0x7F);
        if (!(*name.at & 0x80) && name.at + 1 != name.end)
            fail("a name has more than one index");
    }
    return true;
}

static void ask(struct stream *stream)
{
    uint8_t buffer[2048], name[MAX_NAME];
    uint8_t *end = buffer + sizeof buffer;
    struct out out = {end};

    for (int i = options.column_count; i-- > 0;) {
        const uint8_t *binding = out.at;

        put_string(&out, TAG_NULL, "", 0);
        put_string(&out, TAG_OID, name, write_name(name, options.columns[i], stream->row));
        put_header(&out, TAG_SEQUENCE, binding);
    }
    put_header(&out, TAG_SEQUENCE, end);
    put_integer(&out, getting ? 0 : (uint32_t)options.repetitions);
    put_integer(&out, 0);
    put_integer(&out, stream->id = random_number() & INT32_MAX);
    put_header(&out, getting ? TAG_GET : TAG_GETBULK, end);
    if (usm) {
        usm_protect(usm, &out, end, stream->id);
    } else {
        put_string(&out, TAG_OCTETS, "public", 6);
        put_integer(&out, 1);
        put_header(&out, TAG_SEQUENCE, end);
    }
    stream->asked_at = now();
    if (send(stream->socket, out.at, (size_t)(end - out.at), 0) < 0)
        fail("cannot send");
}

static bool open_community(uint8_t *message, size_t size, struct in *pdu)
{
    struct in in = {message, message + size}, community;
    uint32_t version;

    if (!take(&in, TAG_SEQUENCE, &in) || !take_integer(&in, &version) || version != 1 ||
        !take(&in, TAG_OCTETS, &community))
        return false;
    *pdu = in;
    return true;
}

/* Takes what came, and leaves the bindings; false where it is late, or tells of the engine. */
static bool receive(struct stream *stream, struct in *bindings)
{
    static uint8_t message[MAX_MESSAGE];
    struct in pdu;
    uint32_t id, status, index;
    uint8_t tag;
    ssize_t size = recv(stream->socket, message, sizeof message, 0);

    if (size < 0)
        fail("cannot receive");
    if (usm ? !usm_open(usm, message, (size_t)size, &pdu) :
              !open_community(message, (size_t)size, &pdu))
        fail("a message is not as it should be");
    if (!take_any(&pdu, &tag, &pdu) || !take_integer(&pdu, &id) || !take_integer(&pdu, &status) ||
        !take_integer(&pdu, &index) || !take(&pdu, TAG_SEQUENCE, bindings))
        fail("a PDU is not as it should be");
    if (tag != TAG_RESPONSE || id != stream->id)
        return false;
    if (status)
        fail("an answer has an error-status");
    counted.answers++;
    counted.octets += (uint64_t)size;
    return true;
}

/* Takes the next binding and its row; false where it is beyond the column or no value. */
static bool take_cell(struct in *bindings, uint8_t column, uint32_t *row, uint8_t *tag)
{
    struct in binding, name, value;

    if (!take(bindings, TAG_SEQUENCE, &binding) || !take(&binding, TAG_OID, &name) ||
        !take_any(&binding, tag, &value))
        fail("a binding is not as it should be");
    return read_name(name, column, row) && *tag < 0x80;
}

/* Checks an answer to GETBULK; leaves the last row, 0 where the walk is at its end. */
static void check_bulk(struct stream *stream, struct in bindings)
{
    int wanted = options.repetitions * options.column_count, got = 0;
    uint32_t last = stream->row, row = 0;
    bool inside = true;
    uint8_t tag = 0;

    for (; bindings.at < bindings.end; got++) {
        int column = got % options.column_count;

        /* At the end of a column the next one begins: that counts, and the walk begins anew. */
        if (!take_cell(&bindings, options.columns[column], &row, &tag))
            inside = false;
        else if (inside && (column ? row != last : row <= last))
            fail("the rows of an answer are not in order");
        else if (!column)
            last = row;
    }
    if (got != wanted && tag != TAG_END_OF_MIB_VIEW)
        fail("an answer is too short or too long");
    counted.varbinds += (uint64_t)got;
    stream->row = inside ? last : 0;
}

static void check_get(struct stream *stream, struct in bindings)
{
    uint32_t row;
    uint8_t tag;

    /* A tunnel may have gone since the rows were learnt: the caller judges how many may. */
    if (!take_cell(&bindings, options.columns[0], &row, &tag))
        counted.missing++;
    else if (row != stream->row)
        fail("an answer is about another row");
    counted.varbinds++;
    stream->row = rows[random_number() % row_count];
}

static void connect_streams(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < options.stream_count; i++) {
        streams[i].socket = socket(AF_INET, SOCK_DGRAM, 0);
        if (connect(streams[i].socket, (struct sockaddr *)&address, sizeof address))
            fail("cannot connect");
    }
}

/* Asks until the answer is there, for what comes before the measurement. */
static struct in ask_patiently(struct stream *stream)
{
    struct pollfd ready = {.fd = stream->socket, .events = POLLIN};
    struct in bindings;

    for (int attempt = 0; attempt < 10; attempt++) {
        ask(stream);
        if (poll(&ready, 1, PATIENCE * 1000) > 0 && receive(stream, &bindings))
            return bindings;
    }
    fail("no answer");
}

/* Walks the first column to learn which rows there are, and with SNMPv3 the engine before. */
static void learn_rows(void)
{
    int column_count = options.column_count, repetitions = options.repetitions;
    bool get = getting;
    struct stream *stream = &streams[0];
    bool inside = true;

    options.column_count = 1;
    options.repetitions = 50;
    getting = false;
    while (inside) {
        struct in bindings = ask_patiently(stream);
        uint32_t row;
        uint8_t tag;

        while (inside && bindings.at < bindings.end) {
            inside = take_cell(&bindings, options.columns[0], &row, &tag);
            if (!inside || row_count == MAX_ROWS)
                break;
            rows[row_count++] = stream->row = row;
        }
    }
    if (!row_count)
        fail("the column is empty");
    options.column_count = column_count;
    options.repetitions = repetitions;
    getting = get;
}

/* Keeps every stream asking, and prints what came after the warm-up. */
static void measure(double seconds)
{
    struct pollfd ready[MAX_STREAMS];
    double began = now(), at = began, dry_since = 0;
    bool warm = false;

    for (int i = 0; i < options.stream_count; i++) {
        ready[i] = (struct pollfd){.fd = streams[i].socket, .events = POLLIN};
        /* Walks begin at different places, so that they do not ask for the same. */
        streams[i].row = rows[(size_t)i * row_count / (size_t)options.stream_count];
        ask(&streams[i]);
    }
    while ((at = now()) - began < seconds || !warm) {
        if (!warm && at - began >= warm_up) {
            memset(&counted, 0, sizeof counted);
            counted.computed_before = computed();
            began = at;
            warm = true;
        }
        if (!poll(ready, (nfds_t)options.stream_count, 0)) {
            if (!dry_since)
                dry_since = at;
            for (int i = 0; i < options.stream_count; i++) {
                if (at - streams[i].asked_at > PATIENCE) {
                    counted.timeouts++;
                    ask(&streams[i]);
                }
            }
            continue;
        }
        if (dry_since)
            counted.waiting += at - dry_since;
        dry_since = 0;
        for (int i = 0; i < options.stream_count; i++) {
            struct in bindings;

            if (!ready[i].revents || !receive(&streams[i], &bindings))
                continue;
            (getting ? check_get : check_bulk)(&streams[i], bindings);
            ask(&streams[i]);
        }
    }
    printf("{\"seconds\": %.6f, \"answers\": %lu, \"varbinds\": %lu, \"octets\": %lu, "
           "\"timeouts\": %lu, \"missing\": %lu, \"waiting\": %.6f, \"computed\": %.2f}\n",
           at - began, counted.answers, counted.varbinds, counted.octets, counted.timeouts,
           counted.missing, counted.waiting, computed() - counted.computed_before);
}

static void parse(int count, char **arguments)
{
    static const struct option known[] = {
        {"port", 1, 0, 'p'},    {"pid", 1, 0, 'i'},     {"load", 1, 0, 'l'},
        {"columns", 1, 0, 'c'}, {"streams", 1, 0, 'n'}, {"repetitions", 1, 0, 'r'},
        {"seconds", 1, 0, 's'}, {"user", 1, 0, 'u'},    {"auth", 1, 0, 'A'},
        {"priv", 1, 0, 'X'},    {0},
    };
    int option;

    while ((option = getopt_long(count, arguments, "", known, NULL)) != -1) {
        switch (option) {
        case 'p':
            options.port = atoi(optarg);
            break;
        case 'i':
            options.pid = atoi(optarg);
            break;
        case 'l':
            options.load = optarg;
            break;
        case 's':
            options.seconds = atof(optarg);
            break;
        case 'c':
            for (char *part = strtok(optarg, ","); part && options.column_count < MAX_COLUMNS;
                 part = strtok(NULL, ","))
                options.columns[options.column_count++] = (uint8_t)atoi(part);
            break;
        case 'n':
            options.stream_count = atoi(optarg);
            break;
        case 'r':
            options.repetitions = atoi(optarg);
            break;
        case 'u':
            options.user = optarg;
            break;
        case 'A':
            options.auth_password = optarg;
            break;
        case 'X':
            options.priv_password = optarg;
            break;
        default:
            exit(2);
        }
    }
    if (!options.port || !options.pid || !options.load || !options.column_count ||
        options.stream_count < 1 || options.stream_count > MAX_STREAMS || options.repetitions < 1 ||
        !options.user != !options.auth_password || !options.user != !options.priv_password) {
        fputs("load: an option is missing or out of range\n", stderr);
        exit(2);
    }
}

int main(int count, char **arguments)
{
    parse(count, arguments);
    getting = !strcmp(options.load, "get");
    if (options.user)
        usm = usm_new(options.user, options.auth_password, options.priv_password);
    connect_streams();
    learn_rows();
    measure(options.seconds);
    return 0;
}
