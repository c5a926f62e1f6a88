/* Nobody waits half a minute for a lock here (linked with --wrap=sqlite3_busy_timeout). */
#include "database.h"

int __real_sqlite3_busy_timeout(sqlite3 *db, int ms);
int __wrap_sqlite3_busy_timeout(sqlite3 *db, int ms);
int __wrap_sqlite3_busy_timeout(sqlite3 *db, int ms)
{
    return __real_sqlite3_busy_timeout(db, ms < 50 ? ms : 50);
}
