"""Work on every core, with a progress bar, in the order of the jobs."""

import multiprocessing
import signal

from lib import render
from lib.ui import Progress


def on_all_cores(stage, function, jobs):
    """[function(job) for job in jobs]; all three can be pickled."""
    progress = Progress(stage, len(jobs))
    results = []
    with multiprocessing.Pool(render.processes(), reset_signals) as pool:
        for result in pool.imap(function, jobs, chunksize=8):
            results.append(result)
            progress.step()
    return results


def reset_signals():
    """Ctrl-C is the parent's affair, which then stops the workers by SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
