"""Interleaved timing: ours, peer, ours, peer …, so that both meet the same disturbances."""

import math
import statistics
import time
from dataclasses import dataclass

#: One timing lasts at least this long; short work is repeated within it.
LEAST_SECONDS = 0.02

#: Threads of a side that has just finished get this long to fall asleep.
PAUSE_SECONDS = 0.004

#: A round that takes longer is not repeated.
VERY_SLOW_SECONDS = 6.0


@dataclass
class Spread:
    """Least, median and greatest of several timings, in seconds or as ratios."""

    least: float
    median: float
    greatest: float

    @classmethod
    def of(cls, values):
        return cls(min(values), statistics.median(values), max(values))

    def scaled(self, factor):
        return [round(value * factor, 4) for value in (self.least, self.median, self.greatest)]


@dataclass
class Timing:
    """Both sides, and the ratio peer / ours of neighbouring timings."""

    ours: Spread
    peer: Spread
    ratio: Spread
    rounds: int


def repeats_for(seconds):
    """How often work of a duration is repeated within one timing."""
    return max(1, math.ceil(LEAST_SECONDS / max(seconds, 1e-9)))


def rounds_for(round_seconds, budget, most=15):
    """How many rounds fit into a budget of seconds: at least three, unless each is very slow."""
    least = 3 if round_seconds < VERY_SLOW_SECONDS else 1
    return max(least, min(most, int(budget / max(round_seconds, 1e-9))))


def paired(ours, peer):
    """Spreads of both sides and of their ratios, pair by pair."""
    ratios = [b / a for a, b in zip(ours, peer, strict=True)]
    return Timing(Spread.of(ours), Spread.of(peer), Spread.of(ratios), len(ratios))


def interleaved(time_ours, time_peer, budget):
    """Times both sides in turn; each argument takes a number of repeats and gives seconds of one."""
    timers = [time_ours, time_peer]
    # Warm already; these tell how often to repeat.
    once = [timer(1) for timer in timers]
    repeats = [repeats_for(seconds) for seconds in once]
    expected = sum(max(seconds, LEAST_SECONDS) for seconds in once)
    taken = [[], []]
    for _ in range(rounds_for(expected, budget)):
        for side, timer in enumerate(timers):
            taken[side].append(timer(repeats[side]))
            time.sleep(PAUSE_SECONDS)
    return paired(*taken)


def alone(timer, budget):
    """Spread of one side."""
    once = timer(1)
    repeats, rounds = repeats_for(once), rounds_for(max(once, LEAST_SECONDS), budget)
    return Spread.of([timer(repeats) for _ in range(rounds)])
