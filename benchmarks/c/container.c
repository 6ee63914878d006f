/* The table as an agent on libnetsnmpagent usually has it: rows in a container, which the
 * table_container helper finds one by one, as in the code that mib2c makes. */
#include "agent.h"

#include <net-snmp/agent/table_container.h>

static int handle(netsnmp_mib_handler *handler, netsnmp_handler_registration *registration,
                  netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
    (void)handler;
    (void)registration;
    if (info->mode != MODE_GET) /* the helper turns the others into it */
        return SNMP_ERR_GENERR;
    for (netsnmp_request_info *request = requests; request; request = request->next) {
        netsnmp_table_request_info *table = netsnmp_extract_table_info(request);
        const struct row *row = netsnmp_container_table_row_extract(request);
        const struct cell *cell;

        if (request->processed)
            continue;
        cell = row ? &row->cells[table->colnum] : NULL;
        if (!cell || !cell->type)
            netsnmp_set_request_error(info, request, SNMP_NOSUCHINSTANCE);
        else
            snmp_set_var_typed_value(request->requestvb, cell->type, &cell->value, cell->size);
    }
    return SNMP_ERR_NOERROR;
}

static void register_table(struct rows rows)
{
    static const oid entry[] = {ENTRY};
    netsnmp_handler_registration *registration = netsnmp_create_handler_registration(
        "cipSecTunnelTable", handle, entry, OID_LENGTH(entry) - 1, HANDLER_CAN_RONLY);
    netsnmp_table_registration_info *info = SNMP_MALLOC_TYPEDEF(netsnmp_table_registration_info);
    netsnmp_container *container = netsnmp_container_find("cipSecTunnelTable:table_container");

    netsnmp_table_helper_add_indexes(info, ASN_INTEGER, 0);
    info->min_column = 2;
    info->max_column = COLUMNS - 1;
    for (size_t i = 0; i < rows.count; i++)
        CONTAINER_INSERT(container, &rows.at[i]);
    netsnmp_container_table_register(registration, info, container,
                                     TABLE_CONTAINER_KEY_NETSNMP_INDEX);
}

int main(int count, char **arguments)
{
    return serve(count, arguments, register_table);
}
