/* Linear warm-up in front of any schedule: Goyal et al. 2017 (arXiv 1706.02677), section 2.2. */
#include "schedule.h"

#include "err.h"

double schedule_factor(const ScheduleOptions *o, int64_t step)
{
    check(step >= 0 && step < o->steps && o->warm_up < o->steps, "step %lld of %lld, warm-up %lld",
          (long long)step, (long long)o->steps, (long long)o->warm_up);
    if (step < o->warm_up) return (double)(step + 1) / (double)o->warm_up;
    return o->kind->factor(o->hparams, step - o->warm_up, o->steps - o->warm_up);
}
