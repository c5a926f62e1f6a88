/* Lowers a learning rate when a loss no longer falls: torch.optim.lr_scheduler.ReduceLROnPlateau
 * with mode "min", threshold mode "rel", no cooldown, min_lr 0 (torch 1.13, lr_scheduler.py). */
#ifndef TRAIN_PLATEAU_H
#define TRAIN_PLATEAU_H

#include <stdbool.h>

typedef struct {
    double lr;
    double best; /* least loss so far, at first the largest number there is */
    int n_bad;   /* losses since then, or since the last drop */
} Plateau;

/* ERM++ (train_autolr.py): patience 1, the library's defaults else. */
#define PLATEAU_FACTOR    0.1
#define PLATEAU_THRESHOLD 1e-4 /* a loss is better when below best * (1 - threshold) */
#define PLATEAU_EPS       1e-8 /* a drop smaller than this is not made */
enum { PLATEAU_PATIENCE = 1 }; /* so many bad losses in a row are borne */

void plateau_init(Plateau *p, double lr);

/* One more loss; one that is not finite is not better. True when the rate fell. */
bool plateau_step(Plateau *p, double loss);

#endif
