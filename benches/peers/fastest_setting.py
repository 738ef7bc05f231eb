"""The fastest of several settings of one peer."""

import time

#: A call that takes longer is timed once, after warming up, when settings are compared.
SLOW_SECONDS = 1.0


def seconds_of(call):
    start = time.perf_counter()
    value = call()
    return time.perf_counter() - start, value


def fastest(settings):
    """Warms every setting up and gives the fastest call, its label, its value and all times."""
    best, tried = None, {}
    for label, call in settings:
        try:
            # The first call may compile or plan.
            call()
            first, value = seconds_of(call)
            times = [first]
            if first < SLOW_SECONDS:
                times += [seconds_of(call)[0] for _ in range(3)]
        except ImportError:
            raise
        except Exception as error:
            tried[label] = f"failed: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
            continue
        tried[label] = round(min(times) * 1e3, 3)
        if best is None or min(times) < best[0]:
            best = (min(times), label, call, value)
    if best is None:
        raise RuntimeError("; ".join(f"{label} {why}" for label, why in tried.items()))
    return best[2], best[1], best[3], tried
