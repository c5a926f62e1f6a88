/* See store_case.h. */
#include "store_case.h"

#include "test.h"

Store *store;
int64_t dataset;
Db *reader;

int store_setup(void **state)
{
    (void)state;
    Err err;
    assert_ok(store_open(&store, fixture_path(), &err));
    dataset = fixture_add_dataset(store);
    return 0;
}

int store_teardown(void **state)
{
    (void)state;
    store_case_end();
    fixture_remove();
    return 0;
}

void store_case_read(void)
{
    Err err;
    assert_ok(results_open(&reader, fixture_file(), &err));
}

void store_case_end(void)
{
    results_close(reader);
    store_close(store);
    reader = NULL;
    store = NULL;
}
