"""Tests of the group `deep` that need no worker and no library: python3 -m unittest in this folder."""

import math
import tempfile
import unittest
from pathlib import Path

import deep_group
import deep_lipsim  # noqa: F401
import deep_plan
import deep_process
import deep_report
import deep_runtimes  # noqa: F401
import deep_steps  # noqa: F401
import deep_torch
import deep_training  # noqa: F401
import deep_works
from deep_group import agreement, compared, relative_error
from workers import DeepWorkers, Disagreement, WorkFailed

EXACT = {"distances": [0.5, 0.25]}


class Agreement(unittest.TestCase):
    def test_the_furthest_distance_counts(self):
        self.assertEqual(relative_error(EXACT, {"distances": [0.5, 0.25]}), 0)
        self.assertAlmostEqual(relative_error(EXACT, {"distances": [0.505, 0.2525001]}), 0.0100004)

    def test_a_gradient_is_compared_by_its_length(self):
        exact = {"distances": [1.0], "gradient": [3.0, 4.0]}
        self.assertAlmostEqual(relative_error(exact, {"distances": [1.0], "gradient": [3.0, 4.5]}), 0.1)

    def test_other_answers_are_infinitely_far(self):
        for other in ({"distances": [0.5]}, {"mean_squares": [0.5, 0.25]}, {"distances": [math.nan, 0.25]}):
            self.assertEqual(relative_error(EXACT, other), math.inf)
            self.assertRaises(Disagreement, agreement, "other", EXACT, other, 1.0)
        self.assertEqual(relative_error({"distances": [0.0]}, {"distances": [0.0]}), math.inf)

    def test_what_disagrees_ends_the_run(self):
        pair = {"distances": [1.0]}, {"distances": [1.01]}
        self.assertRaisesRegex(Disagreement, "torch/x is 1.0e-02", agreement, "torch/x", *pair, 1e-3)
        self.assertAlmostEqual(agreement("torch/x", *pair, 0.05), 0.01)


class Stub:
    """A worker that answers all works alike, but for some that fail."""

    def __init__(self, seconds, value, failing=()):
        self.taken, self.value, self.failing, self.asked = seconds, value, failing, []

    def prepare(self, work, batch):
        self.asked.append(work)
        for word in self.failing:
            if word in work:
                raise WorkFailed(f"no {word}")
        return {"setting": "as it is, f32", "value": self.value}

    def seconds(self, *_):
        return self.taken


class StubWorkers:
    threads = 1

    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs

    def of(self, _):
        return self.theirs


class Comparing(unittest.TestCase):
    comparison = deep_plan.distances("vgg", deep_plan.LARGE)

    def records(self, ours, theirs):
        return {r["peer"]: r for r in compared(self.comparison, StubWorkers(ours, theirs), 0.1)}

    def test_every_peer_is_timed_against_ours(self):
        found = self.records(Stub(0.5, EXACT), Stub(1.5, EXACT))
        self.assertEqual(list(found), [peer.name for peer in self.comparison.peers])
        self.assertTrue(all(r["ratio"] == 3.0 and r["peer_error"] == 0 for r in found.values()))
        self.assertEqual(found["torch-eager"]["target"], 3.5)

    def test_what_is_missing_is_not_slow(self):
        found = self.records(Stub(0.5, EXACT), Stub(1.5, EXACT, failing=["onnxruntime", "torch-compiled"]))
        self.assertEqual({name for name, r in found.items() if "not_measured" in r}, {"onnxruntime", "torch-compiled"})
        self.assertNotIn("ratio", found["onnxruntime"])

    def test_a_failed_export_is_named(self):
        found = self.records(Stub(0.5, EXACT), Stub(1.5, EXACT, failing=["torch-export"]))
        self.assertEqual(found["openvino"]["not_measured"], "no torch-export")
        self.assertIn("ratio", found["torch-eager"])

    def test_without_double_precision_nothing_is_measured(self):
        found = self.records(Stub(0.5, EXACT), Stub(1.5, EXACT, failing=["torch-f64"]))
        self.assertTrue(all("double precision" in r["not_measured"] for r in found.values()))

    def test_no_times_of_different_things(self):
        self.assertRaisesRegex(
            Disagreement, "lookalike/lpips/vgg", self.records, Stub(0.5, {"distances": [0.5, 0.26]}), Stub(1.5, EXACT)
        )


class Processes(unittest.TestCase):
    def test_distances_are_found_in_reports_and_answers(self):
        self.assertEqual(deep_process.distance('{"pairs": [{"scores": [{"value": 0.5}]}]}'), 0.5)
        self.assertEqual(deep_process.distance('{"items": [{"distance": 0.75}]}'), 0.75)
        self.assertRaises(WorkFailed, deep_process.distance, '{"items": []}')
        self.assertEqual(deep_process.distance('a library says hello\n{"value": {"distances": [0.25]}}\n'), 0.25)

    def test_ours_is_held_to_limits_and_peers_to_ours(self):
        mib = 2**20
        taken = {"lookalike": [(0.1, 300 * mib, 1), (0.2, 200 * mib, 1)], "torch-eager/lpips": [(4.5, 900 * mib, 1)]}
        first, torch_first, memory, torch_memory = deep_process.judged("vgg", 1, taken)
        self.assertEqual((first["ms"], first["limit"], torch_first["ratio"]), (150, 700, 30))
        self.assertEqual((memory["mib"], memory["limit"], torch_memory["ratio"]), (300, 450, 3))
        self.assertAlmostEqual(memory["ratio"], 300 / 450, places=4)
        self.assertNotIn("limit", list(deep_process.judged("alex", 1, taken))[2])
        taken = {"lookalike": [(0.3, 200 * mib, 1)], deep_process.CERTIFIED: [(1.5, 300 * mib, 1)]}
        first, certified, *_ = deep_process.judged(deep_plan.LIPSIM, 1, taken)
        self.assertEqual((first["ms"], certified["ratio"], first["pair"]), (300, 5, deep_plan.LIPSIM_BATCH))
        self.assertNotIn("limit", first)

    def test_what_is_certified_is_what_is_compared(self):
        command = deep_process.certificate(["lookalike", "compare", "a.png", "b.png", "-m", "lipsim:small@f"])
        self.assertEqual(command[:4], ["lookalike", "certify", "a.png", "b.png"])


class Works(unittest.TestCase):
    def test_the_plan_names_works_that_exist_and_processes_that_have_them(self):
        for comparison in (*deep_plan.comparisons(), *deep_plan.quick()):
            names = [f"{peer.name}/{comparison.function}" for peer in comparison.peers]
            names += [peer.reads for peer in comparison.peers if peer.reads] + [f"torch-f64/{comparison.function}"]
            for name in names:
                self.assertIn(name, deep_works.WORKS)
                self.assertIn(name.split("/")[0].split("-")[0], DeepWorkers.LIBRARIES)
        for peers in deep_plan.FRESH_PEERS.values():
            self.assertLessEqual(set(peers), set(deep_works.WORKS))

    def test_comparisons_are_named_once(self):
        names = [(c.own_work, c.batch, peer.name) for c in deep_plan.comparisons() for peer in c.peers]
        self.assertEqual(len(names), len(set(names)))

    def test_an_export_appears_whole_or_not_at_all(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "models" / "vgg-1x256x256.param"

            def half(place):
                place.with_suffix(".bin").write_text("weights")
                raise RuntimeError("the converter died")

            self.assertRaises(RuntimeError, deep_works.exported(path, half).call)
            self.assertEqual(list(path.parent.iterdir()), [])

            def whole(place):
                for file in (place, place.with_suffix(".bin"), place.with_name("debug.txt")):
                    file.write_text("")

            deep_works.exported(path, whole).call()
            self.assertEqual({p.suffix for p in path.parent.iterdir()}, {".param", ".bin"})
            deep_works.exported(path, half).call()

    def test_parameters_of_slices_are_torchvisions(self):
        self.assertEqual(deep_torch.trunk_key("net.slice1.0.weight"), "features.0.weight")
        self.assertEqual(deep_torch.trunk_key("net.slice2.3.squeeze.bias"), "features.3.squeeze.bias")


def record(**changes):
    return {
        "name": "lpips/vgg", "section": "lpips", "id": "vgg", "pair": deep_plan.LARGE, "peer": "torch-eager",
        "target": 3.5, "threads": 1, "ours_ms": 250.0, "peer_ms": 900.0, "ratio": 3.6, "ours_ms_spread": [240, 250, 260],
        "peer_ms_spread": [880, 900, 950], "ratio_spread": [3.5, 3.6, 3.7], "rounds": 5, "ours_error": 2e-6,
        "peer_error": 3e-7, "peer_setting": "contiguous, f32", **changes,
    }


class Report(unittest.TestCase):
    records = [
        record(), record(peer="openvino-f32", ratio=2.5),
        record(peer="openvino", peer_setting="latency, bf16 (default)", ratio=0.9, target=None, peer_error=6e-3),
        record(peer="ncnn", section="trunk", not_measured="ImportError: no ncnn"),
        *deep_process.judged("vgg", 1, {"lookalike": [(0.8, 2**29, 1)], "torch-eager/lpips": [(4.0, 2**30, 1)]}),
    ]

    def test_the_page_shows_settings_errors_and_what_is_missing(self):
        page = deep_report.page(self.records, {"processor": "abacus"})
        for part in (
            "abacus", "| 250 (240) | 900 (880) | **3.60** (3.50…3.70) | 3.50 ✓ | 2e-06 | 3e-07 |",
            "latency, bf16 (default)", "- ncnn: ImportError: no ncnn", "| ≤ 700 ✗ |", "| ≤ 450 ✗ |", "5.00 × ours",
        ):
            self.assertIn(part, page)
        self.assertNotIn("### Trunks", page)
        self.assertNotIn("### Layers", page)

    def test_the_summary_names_the_fastest_in_single_precision(self):
        summary = deep_report.summary(self.records)
        self.assertIn("| LPIPS, one pair of 256×256, vgg | 250 ms, **2.50×** openvino-f32 |", summary)

    def test_layers_have_their_table(self):
        layer = record(section="layer", id="conv 3×3 64→64", ours_rate=340.0, peer_rate=79.0, peak_rate=118.0)
        self.assertIn("| 340 | 79 | 288 % |", deep_report.layers([layer]))


if __name__ == "__main__":
    unittest.main()
