"""A Prometheus that scrapes the program and evaluates deploy/prometheus/alerts.yml."""

from __future__ import annotations

import json
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from integration.harness.components import cache
from integration.harness.ports import free_port
from integration.harness.processes import Child
from integration.harness.waiting import wait_for

# `for: 2m` and `[2m]`: how long something must be so, and over which time.
DURATION = re.compile(r"(?<=for: )(\d+)([smh])\b|(?<=\[)(\d+)([smh])(?=\])")
SECONDS = {"s": 1, "m": 60, "h": 3600}
DEPLOY = Path(__file__).resolve().parents[3] / "deploy"


class Prometheus:
    """With `faster`, the rules wait so much shorter than as shipped; what they compare stays."""

    def __init__(self, directory: Path, url: str, *, faster: int = 1) -> None:
        installed = shutil.which("prometheus")
        binary = Path(installed or cache() / "prometheus" / "usr" / "bin" / "prometheus")
        if not binary.exists():
            raise FileNotFoundError(f"{binary} is not there: run tools/check-alerts")
        directory.mkdir(parents=True, exist_ok=True)
        rules = directory / "alerts.yml"
        rules.write_text(sooner((DEPLOY / "prometheus" / "alerts.yml").read_text(), faster))
        configuration = directory / "prometheus.yml"
        configuration.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": "shardtail", "static_configs": [
                {"targets": [urlsplit(url).netloc]}]}]}))
        self.target = url
        self._url = f"http://127.0.0.1:{free_port()}"
        self._process = Child("prometheus", [
            str(binary), f"--config.file={configuration}",
            f"--web.listen-address={urlsplit(self._url).netloc}",
            f"--storage.tsdb.path={directory / 'data'}"], directory)
        wait_for("the first scrape", lambda: self._answers() and self.query("up == 1"))

    def query(self, expression: str) -> list[dict[str, Any]]:
        self._process.check_running()
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self._url}/api/v1/query?{query}", timeout=30) as answer:
            return json.load(answer)["data"]["result"]

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        return {alert["metric"]["alertname"] for alert in self.query('ALERTS{alertstate="firing"}')}

    def stop(self) -> None:
        self._process.terminate(30)

    def _answers(self) -> bool:
        self._process.check_running()
        try:
            self.query("1")
        except (urllib.error.URLError, ConnectionError):
            return False
        return True


def sooner(rules: str, faster: int) -> str:
    """The rules with their durations divided; a rate needs some scrapes all the same."""
    def divided(found: re.Match[str]) -> str:
        number, unit = found[1] or found[3], found[2] or found[4]
        return f"{max(int(number) * SECONDS[unit] // faster, 5)}s"

    return rules if faster == 1 else DURATION.sub(divided, rules)
