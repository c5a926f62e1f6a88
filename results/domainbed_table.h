/* The tables that DomainBed's collect_results prints for a sweep, byte for byte, from the imported
 * records: for each of its three rules one table per dataset and the averages, as text or LaTeX.
 *
 * Its habits are kept: runs that were not done and records that a later one superseded count as it
 * counts them; datasets it does not know have no table; folders are taken in the order of their
 * names (there: in the order of the file system, which shows only where values tie).
 */
#ifndef RESULTS_DOMAINBED_TABLE_H
#define RESULTS_DOMAINBED_TABLE_H

#include "query.h"

/* experiment: NULL when there is only one that was imported from DomainBed. format: FORMAT_TEXT or
 * FORMAT_LATEX; another one is ERR_USAGE. */
MUST_USE bool domainbed_table_print(Db *db, FILE *out, const char *experiment, Format format,
                                    Err *err);

#endif
