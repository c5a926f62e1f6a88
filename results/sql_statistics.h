/* Statistics (base/stats.h) as SQL aggregates, on connections of dgbench only: tables and queries
 * may use them, views don't, so that plain sqlite3 reads all views. NULLs are left out; NULL when
 * nothing is left. Internal to results/.
 *
 *     bootstrap_interval(x, group) ends of the 95 % two-level bootstrap interval of the mean of x,
 * as JSON [low, high]; group: a whole number, the same for values that belong together
 *     sign_flip_p(difference)      p value of the paired permutation test
 *     standard_error(x, kind)      of the mean of x; kind: 'population' (as DomainBed) or 'sample'
 *     holm_p(own, p)               own, one of the p, adjusted for all of them
 */
#ifndef RESULTS_SQL_STATISTICS_H
#define RESULTS_SQL_STATISTICS_H

#include <sqlite3.h>

void sql_statistics_register(sqlite3 *handle);

#endif
