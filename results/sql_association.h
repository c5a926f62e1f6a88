/* Rank statistics (base/association.h) as SQL aggregates, on connections of dgbench only, as those
 * of sql_statistics.h. Rows with a NULL among the numbers are left out; NULL when nothing is left,
 * or nothing is defined. Internal to results/.
 *
 *     spearman(x, y)     rank correlation of any two numbers, ties share their mean rank
 *     auc(x, correct)    how often x of a correct row is above that of another one, ties count half
 *     association(x, correct, image, domain, stratum, trial, side)
 *                        JSON {"n": images, "spearman": [value, low, high], "auc": [...],
 *                        "slope": [...]} with 95 % bootstrap intervals: images are drawn anew
 * inside their domain. x is compared inside its stratum only (0: everywhere); the statistics are
 * averaged over trials; with rows of side 1 and of side 0, their difference
 */
#ifndef RESULTS_SQL_ASSOCIATION_H
#define RESULTS_SQL_ASSOCIATION_H

#include <sqlite3.h>

void sql_association_register(sqlite3 *handle);

#endif
