"""The plots of docs/performance.md, as SVG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot  # noqa: E402

from comparison.results import Results  # noqa: E402

COLOURS = {"shardtail": "#0b6e4f", "debezium-1.3": "#c8553d", "debezium-3": "#e09f3e",
           "mongo-kafka": "#5b7db1"}
RAW = "#b0b0b0"
Plot = tuple[str, str]  # its file, and what it shows

# The same text gives the same file, and text stays text.
matplotlib.rcParams.update({
    "svg.hashsalt": "shardtail", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False,
    "axes.spines.right": False, "figure.constrained_layout.use": True})


def plot_all(parts: Mapping[str, Results], directory: Path) -> dict[str, list[Plot]]:
    """Writes the files, and returns those of each part."""
    directory.mkdir(parents=True, exist_ok=True)
    plots: dict[str, list[Plot]] = {}
    if part := parts.get("streaming"):
        plots["streaming"] = [
            _bars(part, "rate", "changes a second", directory / "streaming.svg",
                  "Catch-up rates, on a logarithmic scale"),
            *_memory(part, directory / "memory.svg")]
    if part := parts.get("conduit"):
        plots["conduit"] = [_bars(part, "rate", "changes a second", directory / "conduit.svg",
                                  "Catch-up rates, on a logarithmic scale")]
    if part := parts.get("snapshot"):
        plots["snapshot"] = [_bars(part, "rate", "documents a second", directory / "snapshot.svg",
                                   "Snapshot rates, on a logarithmic scale")]
    if part := parts.get("latency"):
        plots["latency"] = [_distributions(part, directory / "latency.svg")]
    return plots


def _colour(system: str) -> str:
    return next((colour for name, colour in COLOURS.items()
                 if system == name or system.startswith(f"{name},")), RAW)


def _bars(part: Results, metric: str, label: str, path: Path, title: str) -> Plot:
    """A bar for each system with its median, a line from the least to the greatest."""
    cases = part.cases()
    figure, every = pyplot.subplots(
        len(cases), 1, squeeze=False, sharex=True,
        figsize=(7.5, sum(0.5 + 0.24 * len(part.systems(case)) for case in cases)),
        height_ratios=[1 + len(part.systems(case)) for case in cases])
    for axes, case in zip(every[:, 0], cases, strict=True):
        systems = part.systems(case)[::-1]
        medians = [part.median(case, system, metric) or 0 for system in systems]
        values = [part.values(case, system, metric) or [0] for system in systems]
        bars = axes.barh(
            systems, medians, color=[_colour(system) for system in systems],
            xerr=[[median - min(each) for median, each in zip(medians, values, strict=True)],
                  [max(each) - median for median, each in zip(medians, values, strict=True)]],
            error_kw={"elinewidth": 1})
        axes.bar_label(bars, [f"{median:,.0f}" for median in medians], padding=6, fontsize=8)
        axes.set_title(case, loc="left", fontsize=9)
        axes.set_xscale("log")
    every[-1, 0].set_xlabel(label)
    every[-1, 0].set_xlim(left=1000)
    return _save(figure, path, title)


def _memory(part: Results, path: Path) -> list[Plot]:
    """Resident memory of each system's first run over its time."""
    figure, axes = pyplot.subplots(figsize=(7.5, 3))
    drawn = False
    for case in part.cases():
        for system in part.systems(case):
            samples = part.runs(case, system)[0].get("samples")
            if not samples or (system == "shardtail" and case != part.cases()[0]):
                continue
            drawn = True
            axes.plot([sample[0] for sample in samples], [sample[2] for sample in samples],
                      label=system, color=_colour(system))
    if not drawn:
        pyplot.close(figure)
        return []
    axes.set_yscale("log")
    axes.set_xlabel("seconds since the launch")
    axes.set_ylabel("resident MB")
    axes.legend(frameon=False)
    return [_save(figure, path, "Resident memory while catching up")]


def _distributions(part: Results, path: Path) -> Plot:
    """How large a share was received within a time, of all runs' medians."""
    cases = part.cases()
    figure, every = pyplot.subplots(len(cases), 1, squeeze=False, sharex=True,
                                    figsize=(7.5, 2.1 * len(cases)))
    for axes, case in zip(every[:, 0], cases, strict=True):
        for system in part.systems(case):
            runs = [run["received"]["percentiles"] for run in part.runs(case, system)]
            middle = [sorted(each)[len(each) // 2] for each in zip(*runs, strict=True)]
            axes.plot(middle, [100 * step / (len(middle) - 1) for step in range(len(middle))],
                      label=system, color=_colour(system))
        axes.set_title(case, loc="left", fontsize=9)
        axes.set_xscale("log")
        axes.set_ylabel("% received")
        axes.legend(frameon=False)
    every[-1, 0].set_xlabel("milliseconds since the insert")
    return _save(figure, path, "Distribution of the latency")


def _save(figure: pyplot.Figure, path: Path, title: str) -> Plot:
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    # matplotlib ends lines with a space.
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")
    return path.name, title
