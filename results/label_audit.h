/* Images whose labels look wrong, for a person to judge: ranked by low alignment and by runs that
 * agree with confidence on another class (queries/suspects.sql says how), as a CSV to fill in and
 * as a contact sheet to look at.
 *
 *     LabelAuditOptions options = {.top = 200};
 *     label_audit_make(&audit, db, &options, err);
 *     label_audit_csv(file, audit);                             to review, then exclusion.h
 *     label_audit_page(&page, audit, &pictures, err);
 *     label_audit_free(audit);
 */
#ifndef RESULTS_LABEL_AUDIT_H
#define RESULTS_LABEL_AUDIT_H

#include "query.h"
#include "str.h"

#include <stdio.h>

typedef struct {
    const char *dataset; /* NULL: the only one there is */
    const char *scorer;  /* NULL: the only pretrained one that has scores of the dataset, if any */
    const char *experiment; /* NULL: runs of all */
    const char *rule;       /* NULL: training-domain */
    int top;                /* so many images; > 0 */
} LabelAuditOptions;

typedef struct {
    const char *path, *domain, *class_name;
    const char *suggested;           /* "": no other class is more likely */
    const char *zero_shot;           /* "": not known */
    double suspicion;                /* in [0,1] */
    double alignment, percentile;    /* of its domain; NAN: not known */
    int zero_shot_rank;              /* of the labelled class; 0: not known */
    int n_runs, n_wrong, n_agreeing; /* that held the domain out; wrong; for `suggested` */
    double confidence;               /* mean over those that agree; NAN: there are none */
    int position;                    /* in the dataset */
} Suspect;

typedef struct LabelAudit LabelAudit;

/* Names that are not there, or a dataset or scorer that has to be chosen: ERR_USAGE. A dataset that
 * has neither scores nor predictions: ERR_NOT_FOUND. */
MUST_USE bool label_audit_make(LabelAudit **out, Db *db, const LabelAuditOptions *options,
                               Err *err);
void label_audit_free(LabelAudit *audit); /* NULL is fine */

int label_audit_n(const LabelAudit *audit);
const Suspect *label_audit_suspect(const LabelAudit *audit, int i); /* most suspicious first */
int label_audit_n_ranked(const LabelAudit *audit); /* images that could be ranked */
int label_audit_n_unranked(
    const LabelAudit *audit); /* that lack a score or a run which others have */
const char *label_audit_scorer(const LabelAudit *audit); /* NULL: there is none */

/* The dataset: its name here, the fingerprint of its content, and what runs opened it by. */
typedef struct {
    const char *name, *fingerprint;
    const char *descriptor, *root; /* root: "" when the descriptor says it */
} AuditedDataset;
AuditedDataset label_audit_dataset(const LabelAudit *audit);

/* One row per image, columns verdict and reason empty. */
void label_audit_csv(FILE *out, const LabelAudit *audit);

/* Appends the picture as the value of an img's src ("data:image/png;base64,..."). */
typedef struct {
    bool (*add)(Str *out, void *context, int position, Err *err);
    void *context;
} LabelAuditPictures;

/* One HTML page without script or any other file; filters are style sheets. csv_name: the list that
 * belongs to it. */
MUST_USE bool label_audit_page(Str *out, const LabelAudit *audit, const char *csv_name,
                               const LabelAuditPictures *pictures, Err *err);

#endif
