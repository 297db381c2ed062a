#pragma once
#include <sqlite3.h>

/* SQLITE_TRANSIENT is a cast of -1 to a function pointer, which Swift cannot import. */
static inline int cs_bind_text(sqlite3_stmt *statement, int index, const char *text, int count) {
  return sqlite3_bind_text(statement, index, text, count, SQLITE_TRANSIENT);
}

/* Variadic, so Swift cannot call them. */
static inline int cs_extended_result_codes(sqlite3 *database) {
  return sqlite3_extended_result_codes(database, 1);
}

/* SQLite counts no memory from now on, which costs a lock for each allocation; before it is used for the first time. */
static inline int cs_count_no_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
