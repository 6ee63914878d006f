/* The table as fast as an agent on libnetsnmpagent can have it: one handler for all of it, which
 * the library gives whole GETBULK requests, and which finds cells in an array. */
#include "agent.h"

enum { ENTRY_LENGTH = 13, COLUMN_AT = ENTRY_LENGTH, ROW_AT, NAME_LENGTH };

static const oid entry[ENTRY_LENGTH] = {ENTRY};
/* By column and not by row, for a walk goes through cells one after the other. */
static struct cell *columns[COLUMNS];
static oid *numbers;
static size_t row_count;
/* For each row number, the position of the first row at or after it. */
static uint32_t *positions;
static oid last_number;

/* Where a cell is, or could be. */
struct place {
    oid column;
    size_t row;
};

static const struct cell *cell_at(struct place place)
{
    const struct cell *cell;

    if (place.column >= COLUMNS || place.row >= row_count)
        return NULL;
    cell = &columns[place.column][place.row];
    return cell->type ? cell : NULL;
}

/* Finds the first cell at a place or after it; NULL at the end of the table. */
static const struct cell *settle(struct place *place)
{
    for (; place->column < COLUMNS; place->column++, place->row = 0) {
        for (; place->row < row_count; place->row++) {
            const struct cell *cell = cell_at(*place);

            if (cell)
                return cell;
        }
    }
    return NULL;
}

static struct place place_after(const oid *name, size_t length)
{
    size_t shared = length < ENTRY_LENGTH ? length : ENTRY_LENGTH;
    int order = snmp_oid_compare(name, shared, entry, ENTRY_LENGTH);

    if (order < 0 || length == ENTRY_LENGTH)
        return (struct place){0, 0};
    if (order > 0)
        return (struct place){COLUMNS, 0};
    if (length == ROW_AT)
        return (struct place){name[COLUMN_AT], 0};
    if (name[ROW_AT] >= last_number)
        return (struct place){name[COLUMN_AT] + 1, 0};
    return (struct place){name[COLUMN_AT], positions[name[ROW_AT] + 1]};
}

static const struct cell *cell_named(const oid *name, size_t length)
{
    struct place place;

    if (length != NAME_LENGTH || name[ROW_AT] > last_number)
        return NULL;
    place = (struct place){name[COLUMN_AT], positions[name[ROW_AT]]};
    return numbers[place.row] == name[ROW_AT] ? cell_at(place) : NULL;
}

/* As snmp_set_var_typed_value, less its choices: every value fits into the buffer. */
static void set_value(netsnmp_variable_list *binding, const struct cell *cell)
{
    binding->type = cell->type;
    binding->val_len = cell->size;
    binding->val.string = binding->buf;
    memcpy(binding->buf, &cell->value, sizeof cell->value);
}

/* As snmp_set_var_objid, for names that all have the same length and are the library's own room. */
static void set_name(netsnmp_variable_list *binding, struct place place)
{
    if (binding->name != binding->name_loc)
        snmp_set_var_objid(binding, entry, ENTRY_LENGTH);
    memcpy(binding->name_loc, entry, sizeof entry);
    binding->name_loc[COLUMN_AT] = place.column;
    binding->name_loc[ROW_AT] = numbers[place.row];
    binding->name_length = NAME_LENGTH;
}

/* Answers one repeater, or one name of GETNEXT, which is a repeater without repetitions. */
static void walk(netsnmp_request_info *request)
{
    netsnmp_variable_list *binding = request->requestvb;
    struct place place = place_after(binding->name, binding->name_length);
    const struct cell *cell;

    while ((cell = settle(&place))) {
        netsnmp_variable_list *next = binding->next_variable;

        set_name(binding, place);
        set_value(binding, cell);
        place.row++;
        if (!request->repeat || !next)
            return;
        request->repeat--;
        request->requestvb = next;
        /* Where we have no more, the library asks who comes after us to go on from here. */
        snmp_set_var_objid(next, binding->name, binding->name_length);
        next->type = ASN_PRIV_RETRY;
        binding = next;
    }
}

static int handle(netsnmp_mib_handler *handler, netsnmp_handler_registration *registration,
                  netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
    (void)handler;
    (void)registration;
    for (netsnmp_request_info *request = requests; request; request = request->next) {
        netsnmp_variable_list *binding = request->requestvb;
        const struct cell *cell;

        if (request->processed)
            continue;
        if (info->mode != MODE_GET) {
            walk(request);
        } else if ((cell = cell_named(binding->name, binding->name_length))) {
            set_value(binding, cell);
        } else {
            netsnmp_set_request_error(info, request, SNMP_NOSUCHINSTANCE);
        }
    }
    return SNMP_ERR_NOERROR;
}

static void register_table(struct rows rows)
{
    row_count = rows.count;
    last_number = rows.at[row_count - 1].number;
    numbers = calloc(row_count, sizeof *numbers);
    positions = calloc(last_number + 1, sizeof *positions);
    for (size_t row = 0; row < row_count; row++)
        numbers[row] = rows.at[row].number;
    for (size_t number = 0, position = 0; number <= last_number; number++) {
        position += numbers[position] < number;
        positions[number] = (uint32_t)position;
    }
    for (size_t column = 0; column < COLUMNS; column++) {
        columns[column] = calloc(row_count, sizeof *columns[column]);
        for (size_t row = 0; row < row_count; row++)
            columns[column][row] = rows.at[row].cells[column];
    }
    netsnmp_register_handler(
        netsnmp_create_handler_registration("cipSecTunnelTable", handle, entry, ENTRY_LENGTH,
                                            HANDLER_CAN_RONLY | HANDLER_CAN_GETBULK));
}

int main(int count, char **arguments)
{
    return serve(count, arguments, register_table);
}
