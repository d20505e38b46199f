"""What is printed is what was said, whatever it looks like to the library that draws the tables."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from vp_cli import output

HOSTILE = [
    "[/desk]",
    "[bold red]down[/] again",
    "[link=http://evil]x[/link]",
    ":warning:",
    "a\\[b]",
    "\\",
    "[",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_is_shown_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before, "[/desk]" as a reason broke the table with an error of the library."""
    output.print_rows(text, [{"actor": text, text: 1}], ["actor", text])
    output.print_facts(text, {text: text, "more": {text: [text]}})
    out = capsys.readouterr().out
    assert out.count(text) >= 6
    output.say(text)
    with pytest.raises(SystemExit):
        output.fail(ValueError(text))
    with pytest.raises(SystemExit):
        output.refuse(ValueError(text))
    err = capsys.readouterr().err.splitlines()
    assert err[0] == text
    assert err[1] == f"vp: {text}"
    assert err[2].startswith(f"vp: {text.rstrip('.')}: see `vp --help`")


def test_a_terminal_is_told_nothing_by_a_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "red \x1b[31m, \x07, \u202e and\nanother line"
    output.print_rows("", [{"reason": text}], ["reason"])
    assert "red \\x1b[31m, \\x07, \\u202e and\\nanother line" in capsys.readouterr().out
    output.say(text)
    assert capsys.readouterr().err == "red \\x1b[31m, \\x07, \\u202e and\nanother line\n"
    screen = io.StringIO()
    monkeypatch.setattr(output, "_errors", Console(file=screen, force_terminal=True, width=80, **output._PLAIN))
    with output.progress("[/desk]") as update:
        update("[/desk] \x1b[2J", 1, 2)
    assert "[/desk] \\x1b[2J" in screen.getvalue()


def test_intervals_are_drawn_on_one_scale() -> None:
    rows = [
        output.Interval("first", -2.0, 0.0, 2.0),
        output.Interval("second", 1.0, 2.0, 3.0),
        output.Interval("no trades", None, None, None),
        output.Interval("one trade", None, 3.0, None),
    ]
    title, first, second, one, scale = output.interval_lines("net pnl", rows, 40)
    assert title == "net pnl"
    assert (first.index("├"), first.index("●"), first.index("┤")) == (10, 18, 25)
    assert (second.index("│"), second.index("├"), second.index("●")) == (18, 21, 25)
    assert one.index("●") == second.index("┤")
    assert scale.index("0") == 18
    assert second.endswith("+2.00")
    assert output.interval_lines("net pnl", rows[2:3], 40) == []


def test_a_chart_is_for_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_intervals("net pnl", [output.Interval("first", -2.0, 0.0, 2.0)])
    assert capsys.readouterr().out == ""
