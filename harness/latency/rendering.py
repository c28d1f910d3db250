"""A file of latencies as plain text for a terminal."""

from __future__ import annotations

from typing import Any

from harness.files.counts import counted
from harness.latency.table import LatencyTable


def render(table: LatencyTable) -> str:
    """What was measured, whether the machine was steady, how good the sum is, its terms."""
    of, found = table.content, table.content["cross_validation"]
    channels, side, _ = of["image"]
    ms = sorted(network["ms"] for network in of["networks"])
    floors = ", ".join(f"{name} {_tau(tau)}" for name, tau in found["floors"].items())
    lines = [
        f"{of['space']} at scale {of['scale']}, images {channels}x{side}x{side}, batch {of['batch']}, "
        f"{of['dtype']}",
        f"on {of['device']} ({of['processor']['model'] or 'unknown processor'}), "
        f"{counted(of['threads'], 'threads')}, torch {of['torch']}",
        f"{counted(of['count'], 'networks')}, {counted(of['rounds'], 'rounds')} of "
        f"{counted(of['repeats'], 'repeats')}: {ms[0]:.3g} to {ms[-1]:.3g} ms, median "
        f"{ms[len(ms) // 2]:.3g} ms",
        f"machine: {_noise(of['noise'])}",
        f"sum of operators, {of['model']['terms']} terms, on held-out networks "
        f"({found['folds']}-fold): RMSE {found['rmse_ms']:.3g} ms, mean error "
        f"{100 * found['relative']:.1f} %, τ {_interval(found['kendall_tau'])}",
        f"τ without measuring operators: {floors}",
        "",
        f"{of['model']['constant_ms']:8.3f} ms, to which each site that runs adds, in ms (- never ran)",
    ]
    for site in of["model"]["sites"]:
        pairs = zip(site["operators"], site["ms"], strict=True)
        shares = (f"{name} {'-' if ms is None else f'{ms:.3f}'}" for name, ms in pairs)
        lines.append(f"  {site['site']}: {', '.join(shares)}")
    return "\n".join(lines)


def _noise(noise: dict[str, Any]) -> str:
    """Quiet or noisy, and what tells."""
    parts = [
        f"repeats of a network spread by {_share(noise['repeats'])}",
        f"the reference between them by {_share(noise['reference'])}",
    ]
    if noise["rounds"] is not None:
        parts.append(
            f"two rounds are {_share(noise['rounds'])} from their mean, τ {_tau(noise['rounds_tau'])}"
        )
    if noise["noisy"]:
        parts.append("measure again (--again) while nothing else runs")
    return ("NOISY: " if noise["noisy"] else "steady: ") + "; ".join(parts)


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"


def _tau(tau: float | None) -> str:
    return "undefined" if tau is None else f"{tau:.3f}"


def _interval(tau: dict[str, Any]) -> str:
    if tau["low"] is None:
        return _tau(tau["value"])
    return f"{tau['value']:.3f} [{tau['low']:.3f}, {tau['high']:.3f}]"
