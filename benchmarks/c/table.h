/* The table that all agents hold and the load asks for: cipSecTunnelTable, by its entry. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#define ENTRY 1, 3, 6, 1, 4, 1, 9, 9, 171, 1, 3, 2, 1

/* Beyond the last column; the first that can be read is 2. */
#define COLUMNS 52

#endif
