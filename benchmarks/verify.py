"""How long a verification takes: ours in Python beside dcap-qvl, ours in Chromium beside Node; and how large it is.

usage: python -m benchmarks.verify [rounds]     prints a JSON line for each quote, and one for the sizes

`first` knows nothing of the platform, `repeated` has verified its certificates and lists before. dcap-qvl judges
hardware alone; ours also release, bindings and token. Real quotes come from ../shared/vectors where that is there.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dcap_qvl
from playwright.sync_api import Browser, Route, sync_playwright

from attestation.evidence import Evidence
from attestation.verified import VerifiedCache
from benchmarks.product import percentile, report
from tests.cases.generate import VECTORS
from tests.cases.python import run
from tests.cases.real import build_real
from tests.cases.scene import PLATFORM, Scene
from tests.conftest import CHROMIUM_ARGUMENTS
from tests.product import ROOT

REAL = ("v4-gcp-2026-00806f", "v5-google-90c06f", "v5ex-phala-b0c06f")
ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"
VERIFIER = "static/js/attestation/appraisal.js"
PAGE = "http://localhost/"  # a secure context; every request is answered from here
IN_NODE = """
import { measure } from "./benchmarks/verify.mjs";
let text = "";
for await (const piece of process.stdin) text += piece;
const { given, rounds } = JSON.parse(text);
process.stdout.write(JSON.stringify(await measure(given, rounds)));
"""
IN_CHROMIUM = "async ({ given, rounds }) => (await import('/verify.js')).measure(given, rounds)"

Case = Mapping[str, Any]
Times = list[float]


def main(rounds: int) -> None:
    bundle = build_bundle("benchmarks/verify.mjs")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(CHROMIUM_ARGUMENTS))
        for name, case, root in cases():
            python = measure_python(case, root, rounds)
            node = measure_in_node(case, rounds)
            chromium = measure_in_chromium(browser, bundle, case, rounds)
            report(
                quote=name,
                rounds=rounds,
                **python,
                chromium_first_ms=chromium[0],
                chromium_ms_p50=percentile(chromium[1:], 0.5),
                node_first_ms=node[0],
                node_ms_p50=percentile(node[1:], 0.5),
                ratio_chromium_to_node=percentile(chromium[1:], 0.5) / percentile(node[1:], 0.5),
            )
        browser.close()
    report_sizes()


def cases() -> Iterator[tuple[str, Case, bytes]]:
    """Yield a simulated handshake and some real quotes, each with the root it leads to."""
    yield "simulated", {**Scene().build(), "outcome": "affirming"}, PLATFORM.root_der
    real = build_real(VECTORS)
    for name in REAL:
        case = next((case for case in real["cases"] if case["base"].startswith(f"{name} ")), None)
        if case is not None:
            root = (VECTORS / "quotes" / "intel-sgx-root-ca.der").read_bytes()
            yield name, {**real["bases"][case["base"]], "outcome": case["expected"]["outcome"]}, root


def measure_python(case: Case, root: bytes, rounds: int) -> dict[str, float]:
    """Time our appraisal without and with a memory, and dcap-qvl's verification."""
    evidence, known = Evidence.from_wire(case["evidence"]), VerifiedCache()
    collateral = dcap_qvl.QuoteCollateralV3.from_json(json.dumps(evidence.collateral.to_wire()))
    at = int(datetime.fromtimestamp(case["now"], UTC).timestamp())
    run(case, cache=known)

    def appraise(cache: VerifiedCache) -> None:
        assert run(case, cache=cache).outcome == case["outcome"]

    first = percentile(timed(lambda: appraise(VerifiedCache()), rounds), 0.5)
    repeated = percentile(timed(lambda: appraise(known), rounds), 0.5)
    theirs = percentile(timed(lambda: dcap_qvl.verify_with_root_ca(evidence.quote, collateral, root, at), rounds), 0.5)
    return {
        "python_first_ms_p50": first,
        "python_repeated_ms_p50": repeated,
        "dcap_qvl_ms_p50": theirs,
        "ratio_first_to_dcap_qvl": first / theirs,
        "ratio_repeated_to_dcap_qvl": repeated / theirs,
    }


def timed(work: Callable[[], object], rounds: int) -> Times:
    """Return how long each round takes, in milliseconds."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - started))
    return times


def measure_in_node(case: Case, rounds: int) -> Times:
    node = ROOT / ".venv" / "node" / "node"
    command = [str(node) if node.exists() else "node", "--input-type=module", "--eval", IN_NODE]
    given = json.dumps({"given": case, "rounds": rounds})
    result = subprocess.run(command, cwd=ROOT, input=given, check=True, capture_output=True, text=True)
    return times_of(case, json.loads(result.stdout))


def measure_in_chromium(browser: Browser, bundle: bytes, case: Case, rounds: int) -> Times:
    """Time the verifier in a page of its own, so that the first time is a page's first."""

    def answer(route: Route) -> None:
        is_script = route.request.url.endswith(".js")
        kind, body = ("text/javascript", bundle) if is_script else ("text/html", b"<!doctype html>")
        route.fulfill(content_type=kind, body=body)

    page = browser.new_page()
    page.route("**/*", answer)
    page.goto(PAGE)
    found = page.evaluate(IN_CHROMIUM, {"given": case, "rounds": rounds})
    page.close()
    return times_of(case, found)


def times_of(case: Case, found: Mapping[str, Any]) -> Times:
    assert found["outcome"] == case["outcome"], found["outcome"]
    return list(found["times"])


def report_sizes() -> None:
    """Say how large the verifier is that a page needs, with and without its sentences for people."""
    whole, bare = build_bundle(VERIFIER), build_bundle(VERIFIER, "--external:*/words.js")
    report(
        verifier_minified_bytes=len(whole),
        verifier_gzipped_bytes=len(gzip.compress(whole, 9)),
        without_sentences_minified_bytes=len(bare),
        without_sentences_gzipped_bytes=len(gzip.compress(bare, 9)),
        sources_bytes=sum(path.stat().st_size for path in Path(ROOT / VERIFIER).parent.rglob("*.js")),
    )


def build_bundle(entry: str, *options: str) -> bytes:
    """Return a module and all it imports as one minified module."""
    command = [str(ESBUILD), entry, "--bundle", "--minify", "--format=esm", "--target=es2022", *options]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
