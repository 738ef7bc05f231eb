"""Tests of the parts of the driver that need no worker: python3 -m unittest in this folder."""

import unittest

import documents
import driver
import measure
import metrics_plan
import metrics_report
from documents import figures, met, with_section


class Measuring(unittest.TestCase):
    def test_ratios_are_taken_pair_by_pair(self):
        timing = measure.paired([1.0, 2.0, 4.0], [3.0, 4.0, 20.0])
        self.assertEqual(timing.ratio, measure.Spread(2.0, 3.0, 5.0))
        self.assertEqual((timing.ours.median, timing.peer.median, timing.rounds), (2.0, 4.0, 3))

    def test_sides_alternate_and_short_work_is_repeated(self):
        calls = []

        def timer(name, seconds):
            def run(repeats):
                calls.append((name, repeats))
                return seconds

            return run

        timing = measure.interleaved(timer("ours", 0.001), timer("peer", 0.5), budget=2.6)
        self.assertEqual([name for name, _ in calls[2:]], ["ours", "peer"] * timing.rounds)
        self.assertEqual(set(calls[2:]), {("ours", 20), ("peer", 1)})
        self.assertEqual(timing.rounds, 5)
        self.assertAlmostEqual(timing.ratio.median, 500)

    def test_rounds_keep_to_the_budget_but_for_three(self):
        self.assertEqual(measure.rounds_for(0.5, 5), 10)
        self.assertEqual(measure.rounds_for(0.001, 5), 15)
        self.assertEqual(measure.rounds_for(3, 5), 3)
        self.assertEqual(measure.rounds_for(30, 5), 1)


class Words(unittest.TestCase):
    def test_three_figures(self):
        for value, text in ((0, "0"), (0.1234, "0.123"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"), (12345.6, "12346")):
            self.assertEqual(figures(value), text)

    def test_targets(self):
        self.assertTrue(met({"ratio": 20.5, "target": 20}))
        self.assertFalse(met({"ratio": 19.5, "target": 20}))
        self.assertTrue(met({"ratio": 3.9, "target": 4, "smaller_is_better": True}))
        self.assertFalse(met({"ratio": 1.2, "target": 250, "smaller_is_better": True, "unit": "MB"}))
        self.assertIsNone(met({"target": 4, "not_measured": "why"}))
        self.assertFalse(met({"ratio": 2, "target": 1, "finds_too_little": True}))
        self.assertTrue(met({"ratio": 2, "target": 1, "finds_too_little": False}))

    def test_sections_are_replaced_or_added(self):
        text = with_section("head", "peers:metrics", "first")
        self.assertIn("head\n\n<!-- peers:metrics: begin -->\nfirst\n<!-- peers:metrics: end -->", text)
        again = with_section(text, "peers:metrics", "second")
        self.assertEqual(again, text.replace("first", "second"))

    def test_thread_counts(self):
        self.assertEqual(driver.thread_counts("4,1,4"), [1, 4])
        for text in ("0", "", "two"):
            self.assertRaises(ValueError, driver.thread_counts, text)


def record(**changes):
    return {
        "name": "ssim@wang 1080p vs piq/ssim", "section": "ssim", "id": "ssim@wang", "pair": metrics_plan.PAIR_1080P,
        "peer": "piq/ssim", "target": 1.0, "threads": 1, "differs": "", "ours_ms": 10.0, "peer_ms": 25.0, "ratio": 2.5,
        "ours_ms_spread": [9, 10, 11], "peer_ms_spread": [20, 25, 30], "ratio_spread": [2, 2.5, 3], "rounds": 7,
        "value_difference": 1e-7, "peer_setting": "contiguous", **changes,
    }


class Report(unittest.TestCase):
    def test_the_page_shows_what_was_measured_and_what_was_not(self):
        records = [
            record(), record(peer="lost/ssim", not_measured="ImportError: no lost"),
            record(section="others", id="psnr", peer="slow/psnr", peer_ms=50.0, ratio=5.0),
            record(section="others", id="psnr", peer="quick/psnr", peer_ms=5.0, ratio=0.5),
        ]
        page = metrics_report.page(records, {"processor": "abacus"})
        self.assertIn("abacus", page)
        self.assertIn("**2.50** (2.00…3.00) | 1.00 ✓", page)
        self.assertIn("- lost/ssim: ImportError: no lost", page)
        self.assertIn("| quick/psnr | **0.500** (2.00…3.00) ✗ |", page)

    def test_the_summary_has_a_column_per_number_of_threads(self):
        records = [record(), record(threads=4, ratio=7.0), record(threads=4, peer="other/ssim", differs="a box")]
        summary = metrics_report.summary(records)
        self.assertIn("| `ssim@wang` | piq/ssim | 10.0 ms, **2.50×** | 10.0 ms, **7.00×** |", summary)
        self.assertNotIn("other/ssim", summary)


class Plan(unittest.TestCase):
    def test_every_comparison_has_peers_and_is_named_once(self):
        plan = [*metrics_plan.HEADLINES, *metrics_plan.others()]
        names = [(c.work, c.pair, c.section, p.work) for c in plan for p in c.peers]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue(all(c.peers for c in plan))
        self.assertTrue(all("/" in name[0] and "/" in name[3] for name in names))


if __name__ == "__main__":
    unittest.main()
