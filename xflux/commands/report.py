"""The report of a run: one Markdown page beside its tables, figures and results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xflux.commands.drawing import Figure
from xflux.commands.tables import Table

__all__ = ["Report", "Section"]


@dataclass(slots=True)
class Section:
    """One part of a report.

    Attributes
    ----------
    title : str
    facts : list of str
        Sentences, each a line of a list.
    tables : list of Table
    figures : list of Figure
    left_out : dict of str to str
        What is missing, and why.
    text : str
        Lines that are shown as they are.
    """

    title: str
    facts: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    text: str = ""


@dataclass(slots=True)
class Report:
    """All that is told of a run.

    Attributes
    ----------
    title : str
    summary : list of str
        Sentences under the title.
    run : dict of str to str
        What was run: command, version, inputs.
    files : dict of str to str
        Results, by their path in the folder.
    sections : list of Section
    caveats : list of str
    label : str
        What the data are, where they are no measurements; stands in every row of every table.
    """

    title: str
    summary: list[str] = field(default_factory=list)
    run: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)
    label: str = ""

    def warn_of(self, caveats: Sequence[str]) -> None:
        """Add caveats; one that holds for towers and grid alike is said once."""
        self.caveats += [caveat for caveat in caveats if caveat not in self.caveats]

    def write(self, folder: Path, warnings: Sequence[str]) -> Path:
        """Write the page, and the tables as CSV.

        Parameters
        ----------
        folder : Path
            Holds ``figures``; ``tables`` is made in it.
        warnings : sequence of str
            What the run was warned of.

        Returns
        -------
        Path
            Of ``report.md``.
        """
        tables = folder / "tables"
        tables.mkdir(exist_ok=True)
        for section in self.sections:
            for table in section.tables:
                table.write(tables, label=self.label)
        parts = [f"# {self.title}", *self.summary, "## What was run", _pairs(self.run)]
        parts += ["## Files", _pairs({f"`{path}`": said for path, said in self.files.items()})]
        for section in self.sections:
            parts += _section(section)
        parts += ["## Warnings", _items(warnings) if warnings else "None."]
        if self.caveats:
            parts += ["## Caveats", _items(self.caveats)]
        page = folder / "report.md"
        page.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")
        return page


def _section(section: Section) -> list[str]:
    parts = [f"## {section.title}", _items(section.facts)]
    if section.left_out:
        reasons = {what: " ".join(why.split()) for what, why in section.left_out.items()}
        parts += ["### Left out", _pairs(reasons)]
    if section.text:
        parts.append(f"```text\n{section.text}\n```")
    for table in section.tables:
        parts += [f"### {table.title}", table.markdown(), table.note]
        parts.append(f"[tables/{table.name}.csv](tables/{table.name}.csv)")
    if section.figures:
        parts.append("### Figures" if section.tables else "")
    for figure in section.figures:
        parts.append(f"![{figure.title}](figures/{figure.file})")
        parts.append(f"*{figure.caption}*")
    return parts


def _items(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _pairs(pairs: Mapping[str, str]) -> str:
    return _items([f"**{name}**: {said}" for name, said in pairs.items()])
