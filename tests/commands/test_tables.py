"""Tables: for readers as Markdown, for programs as CSV."""

from __future__ import annotations

import numpy as np
import pandas as pd

from xflux.commands.tables import Table

FRAME = pd.DataFrame(
    {"flux": ["GPP", "a|b"], "n": [7, 8], "bias [W m-2]": [-0.001, 1.23456789], "r": [np.nan, 2.0]}
)


def test_markdown_has_a_row_a_row_and_numbers_to_the_right():
    lines = Table("t", "T", FRAME).markdown().splitlines()
    assert lines[0] == "| flux | n | bias [W m-2] | r |"
    assert lines[1] == "| --- | ---: | ---: | ---: |"
    assert len(lines) == 4


def test_a_rounded_zero_has_no_sign_and_a_gap_is_empty():
    cells = [cell.strip() for cell in Table("t", "T", FRAME).markdown().splitlines()[2].split("|")]
    assert cells[1:-1] == ["GPP", "7", "0.00", ""]


def test_text_cannot_break_a_row():
    assert r"a\|b" in Table("t", "T", FRAME).markdown()


def test_digits_are_those_asked_for():
    assert "| 1.2346 |" in Table("t", "T", FRAME, digits={"bias [W m-2]": 4}).markdown()


def test_the_file_keeps_more_digits_and_all_rows(tmp_path):
    Table("t", "T", FRAME, shown=FRAME.head(1)).write(tmp_path)
    read = pd.read_csv(tmp_path / "t.csv")
    np.testing.assert_allclose(read["bias [W m-2]"], FRAME["bias [W m-2]"], rtol=1e-5)
    assert len(read) == 2
