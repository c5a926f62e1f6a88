/* Setup and teardown that most tests of results share: a store, its database open for reading, too.
 */
#ifndef TESTS_STORE_CASE_H
#define TESTS_STORE_CASE_H

#include "fixture.h"
#include "query.h"

extern Store *store;
extern int64_t dataset; /* the fixture's, registered */
extern Db *reader;      /* NULL until store_case_read */

int store_setup(void **state);
int store_teardown(void **state);

void store_case_read(void); /* opens reader */
void store_case_end(void);  /* closes both before the test's end: nobody uses the file any more */

#endif
