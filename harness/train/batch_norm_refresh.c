/* The i-th batch has a share of 1 / (i + 1) in the running statistics: the first one replaces them.
 */
#include "batch_norm_refresh.h"

void batch_norm_refresh_add(Net *net, Tape *tape, const float *x, int n, int64_t i)
{
    const NetOptions *o = net_options(net);
    tape_begin(tape, TAPE_TRAINING, (uint64_t)i);
    net_set_batch_norm_momentum(net, 1 / (double)(i + 1));
    Tensor *images = tape_input(tape, x, 4, (int[]){n, o->size, o->size, o->channels});
    (void)net_features(net, tape, images);
    net_set_batch_norm_momentum(net, 0);
}

bool batch_norm_refresh(Learner *l, Loader *loader, int64_t first_step, int64_t n_batches, Err *err)
{
    if (!net_batch_norm_moves(learner_net(l))) return true;
    for (int64_t i = 0; i < n_batches; i++) {
        Batch batch;
        if (!loader_batch(loader, first_step + i, &batch, err)) return false;
        batch_norm_refresh_add(learner_net(l), learner_tape(l), batch.x, batch.n, i);
    }
    return true;
}
