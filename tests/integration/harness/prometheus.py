"""A Prometheus that scrapes the program and evaluates deploy/prometheus/alerts.yml."""

from __future__ import annotations

import json
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

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"


class Prometheus:
    def __init__(self, directory: Path, url: str) -> None:
        binary = cache() / "prometheus" / "usr" / "bin" / "prometheus"
        if not binary.exists():
            raise FileNotFoundError(f"{binary} is not there: run tools/check-alerts")
        directory.mkdir(parents=True, exist_ok=True)
        configuration = directory / "prometheus.yml"
        configuration.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(DEPLOY / "prometheus" / "alerts.yml")],
            "scrape_configs": [{"job_name": "shardtail", "static_configs": [
                {"targets": [urlsplit(url).netloc]}]}]}))
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
