"""Redaction beside its peers on labelled texts: how much each finds, wrongly finds, and how fast, on one core.

The texts are not part of the project: name their folder, with a scorer ``evaluate.py`` in it, as the argument or by
TURNLOG_PII_DATA. Peers that are not installed are left out.

    python -m benchmarks.redaction DIR [SETS]
"""

from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

Found = Iterable[tuple[int, int, str]]


def turnlog(text: str) -> Found:
    """Find by turnlog's rules."""
    from turnlog.processors.redaction import scan  # noqa: PLC0415 - each peer is loaded only when it is measured

    return [(span.start, span.end, span.type) for span in scan(text)]


@cache
def _presidio(*, everything: bool) -> Any:
    import spacy  # noqa: PLC0415 - see above
    from presidio_analyzer import AnalyzerEngine, PatternRecognizer, predefined_recognizers  # noqa: PLC0415 - see above
    from presidio_analyzer.nlp_engine import NlpEngineProvider  # noqa: PLC0415 - see above

    # It looks for a list of domains on the net, tells at length that there is none, and takes its own.
    logging.getLogger("tldextract").setLevel(logging.CRITICAL)
    # Without a trained model, for those are on no package registry: what is structured is compared.
    with tempfile.TemporaryDirectory() as folder:
        spacy.blank("en").to_disk(folder)
        models = [{"lang_code": "en", "model_name": folder}]
        engine = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models}).create_engine()
        analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    known = {type(each) for each in analyzer.registry.recognizers}
    for each in vars(predefined_recognizers).values() if everything else ():
        if isinstance(each, type) and issubclass(each, PatternRecognizer) and each not in known:
            analyzer.registry.add_recognizer(each(supported_language="en"))
    return analyzer


def presidio(text: str) -> Found:
    """Find by Presidio with the recognisers that it has on."""
    analyzer = _presidio(everything=False)
    return [(each.start, each.end, each.entity_type) for each in analyzer.analyze(text=text, language="en")]


def presidio_all(text: str) -> Found:
    """Find by Presidio with all its recognisers of patterns, those of every country."""
    analyzer = _presidio(everything=True)
    return [(each.start, each.end, each.entity_type) for each in analyzer.analyze(text=text, language="en")]


@cache
def _scrubber() -> Any:
    import scrubadub  # noqa: PLC0415 - see above

    return scrubadub.Scrubber()


def scrubadub(text: str) -> Found:
    """Find by scrubadub's default detectors."""
    return [(each.beg, each.end, each.type.upper()) for each in _scrubber().iter_filth(text)]


@cache
def _datafog() -> Any:
    from datafog.processing.text_processing.regex_annotator import RegexAnnotator  # noqa: PLC0415 - see above

    return RegexAnnotator()


def datafog(text: str) -> Found:
    """Find by datafog's expressions."""
    _, result = _datafog().annotate_with_spans(text)
    return [(each.start, each.end, each.label) for each in result.spans]


def detect_secrets(text: str) -> Found:
    """Find secrets by detect-secrets' default plugins."""
    from detect_secrets.settings import default_settings, get_plugins  # noqa: PLC0415 - see above

    found = []
    with default_settings():
        for line in text.split("\n"):
            for plugin in get_plugins():
                for each in plugin.analyze_line(filename="chat.txt", line=line, line_number=1):
                    at = text.find(each.secret_value or "\0")
                    if at >= 0:
                        found.append((at, at + len(each.secret_value or ""), "SECRET"))
    return found


PEERS: dict[str, tuple[str, Callable[[str], Found]]] = {
    "turnlog": ("turnlog.processors", turnlog),
    "presidio": ("presidio_analyzer", presidio),
    "presidio_all": ("presidio_analyzer", presidio_all),
    "scrubadub": ("scrubadub", scrubadub),
    "datafog": ("datafog", datafog),
    "detect_secrets": ("detect_secrets", detect_secrets),
}


def main() -> int:
    """Score every peer that is installed, and show errors in the set that turnlog does worst in; 2 without data."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TURNLOG_PII_DATA", ""))
    scorer = folder / "evaluate.py"
    if not scorer.is_file():
        sys.stderr.write("bench: name the folder of labelled texts, or set TURNLOG_PII_DATA\n")
        return 2
    only = ("--sets", sys.argv[2]) if len(sys.argv) > 2 else ()
    results: dict[str, dict[str, Any]] = {}
    for name, (module, _) in PEERS.items():
        if find_spec(module) is None:
            sys.stdout.write(f"{name}: not installed\n")
            continue
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            _score(scorer, name, "--json", out.name, *only, stdout=subprocess.DEVNULL)
            results[name] = json.loads(Path(out.name).read_text())
    sets = [each for each in results["turnlog"] if not each.isupper() and not each.startswith(("TOTAL", "speed"))]
    sys.stdout.write(f"{'set':24}" + "".join(f"{name:>27}" for name in results) + "\n")
    for each in sets:
        cells = (result[each] for result in results.values())
        # F1 of structured types, texts with false alarms, speed
        shown = (
            f"{f'{_f1(cell):.3f}' if _f1(cell) else '-':>5} {cell['fp_text_pct']:6.2f}% {cell['mb_s']:6.2f} MB/s"
            for cell in cells
        )
        sys.stdout.write(f"{each:24}" + "".join(f"{cell:>27}" for cell in shown) + "\n")
    labelled = [each for each in sets if any(_f1(result[each]) > 0 for result in results.values())]
    means = (sum(_f1(result[each]) for each in labelled) / max(1, len(labelled)) for result in results.values())
    sys.stdout.write(f"{'mean F1':24}" + "".join(f"{f'{mean:.3f}':>27}" for mean in means) + "\n")
    # Where there is something to find, what is missed; where there is nothing, what is wrongly found.
    worst = min(labelled, key=lambda each: _f1(results["turnlog"][each]), default=None)
    noisy = max(sets, key=lambda each: float(results["turnlog"][each]["fp_text_pct"]))
    for chosen in dict.fromkeys((worst, noisy)):
        if chosen is not None:
            sys.stdout.write(f"\nturnlog's errors in {chosen}\n")
            sys.stdout.flush()
            _score(scorer, "turnlog", "--sets", chosen, "--errors", "10", stdout=None)
    return 0


def _f1(cell: dict[str, Any]) -> float:
    """Return the F1 of structured types; 0 where there is nothing to find."""
    f1 = float(cell["structured"][2])
    return 0.0 if math.isnan(f1) else f1


def _score(scorer: Path, name: str, *options: str, stdout: int | None) -> None:
    command = [sys.executable, str(scorer), "--redactor", f"benchmarks.redaction:{name}", *options]
    subprocess.run(command, check=True, stdout=stdout)


if __name__ == "__main__":
    sys.exit(main())
