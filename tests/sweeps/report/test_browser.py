"""The page in a real browser: no errors, no hidden text, what buttons do."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sweeps.report import PAGE, Report

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PROBE = """<script>
addEventListener("load", () => {
  const say = (name, value) => document.documentElement.setAttribute("data-" + name, value);
  const all = (s) => Array.from(document.querySelectorAll(s));
  say("overflow", document.documentElement.scrollWidth - innerWidth);
  const legend = document.querySelector("#figure-budget .legend button");
  const series = () => all('#figure-budget [data-series="0"][data-hidden]').length;
  const before = series(); legend.click(); say("toggled", before + "," + (series() > 0)); legend.click();
  say("shown", series());
  const head = document.querySelector("#table-arms th:nth-child(2) button"); head.click();
  const first = () => Number(document.querySelector("#table-arms tbody td:nth-child(2)").dataset.number);
  const low = first(); head.click(); say("sorted", low < first());
  all("[data-open]")[0].click();
  const dialog = document.querySelector("dialog");
  say("dialog", dialog.open + "," + dialog.querySelector("pre").textContent.length);
  dialog.close();
  const svg = all("svg.chart").find((s) => s.clientWidth > 0);
  svg.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
  const tip = document.getElementById("tip"); say("tip", !tip.hidden && tip.textContent.length > 5);
  say("resources", performance.getEntriesByType("resource").length);
});
</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"none of {', '.join(PROGRAMS)} is installed")
    return found


def visit(browser: str, page: Path, width: int, profile: Path) -> tuple[dict[str, str], str]:
    """Open a page and return the attributes that the probe set, and the console's messages."""
    ended = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
            "--enable-logging=stderr", f"--window-size={width},2000", "--virtual-time-budget=4000",
            "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    tag = re.search(r"<html[^>]*>", ended.stdout)
    assert tag is not None
    said = [line for line in ended.stderr.splitlines() if "CONSOLE" in line]
    return dict(re.findall(r'data-(\w+)="([^"]*)"', tag[0])), "\n".join(said)


@pytest.mark.parametrize("width", [1280, 500])
def test_the_page_works(width: int, full: Report, browser: str, tmp_path: Path) -> None:
    text = full.files[PAGE].decode()
    policy = re.search(r'<meta http-equiv="Content-Security-Policy"[^>]*>', text)
    assert policy is not None
    page = tmp_path / "page.html"
    page.write_text(text.replace(policy[0], "").replace("</body>", PROBE + "</body>"))
    found, console = visit(browser, page, width, tmp_path / "profile")
    assert console == ""
    assert int(found["overflow"]) <= 0
    assert found["toggled"] == "0,true"
    assert found["shown"] == "0"
    assert found["sorted"] == "true"
    assert re.fullmatch(r"true,\d{3,}", found["dialog"])
    assert found["tip"] == "true"
    assert found["resources"] == "0"


def test_the_policy_lets_the_page_run_and_nothing_else(full: Report, browser: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_bytes(full.files[PAGE])
    assert visit(browser, page, 1280, tmp_path / "profile")[1] == ""
    page.write_text(full.files[PAGE].decode().replace("</body>", "<script>alert(1)</script></body>"))
    _, console = visit(browser, page, 1280, tmp_path / "profile2")
    assert "Content Security Policy" in console
