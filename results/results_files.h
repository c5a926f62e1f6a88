/* Texts of this folder that the program carries inside (made by scripts/embed). Each list ends with
 * {NULL, NULL}. */
#ifndef RESULTS_RESULTS_FILES_H
#define RESULTS_RESULTS_FILES_H

typedef struct {
    const char *name, *text;
} EmbeddedFile;

extern const EmbeddedFile schema_files[];    /* one per version: schema.sql, then migrations */
extern const EmbeddedFile view_files[];      /* views.sql, derive.sql */
extern const EmbeddedFile query_files[];     /* queries/NAME.sql */
extern const EmbeddedFile report_files[];    /* report/NAME.sql, report.css, sheet.css */
extern const EmbeddedFile table_files[];     /* tables/NAME.sql */
extern const EmbeddedFile explain_files[];   /* explain/cell_NAME.sql, run_NAME.sql, in order */
extern const EmbeddedFile reference_files[]; /* reference/NAME.csv */
extern const EmbeddedFile merge_files[];     /* merge/begin.sql, runs.sql, end.sql */
extern const EmbeddedFile exclusion_files[]; /* exclusion/use.sql, take.sql */
extern const EmbeddedFile forecast_files[];  /* forecast/NAME.sql */

#endif
