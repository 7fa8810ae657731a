"""What is said on a terminal: nothing that paints over it, and progress only where somebody watches."""

from __future__ import annotations

import io

from attestation.printing import Progress, printable


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_control_characters_do_not_reach_a_terminal() -> None:
    assert printable("a\x1b[2J\nb") == "a�[2J�b"


def test_progress_is_told_to_a_terminal_and_taken_away_again() -> None:
    stream = Terminal()
    progress = Progress("Judging", stream=stream)
    progress.show(1, 2)
    assert "50 %" in stream.getvalue()
    progress.close()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_progress_is_silent_where_nobody_watches() -> None:
    stream = io.StringIO()
    progress = Progress("Judging", stream=stream)
    progress.show(1, 2)
    progress.close()
    assert stream.getvalue() == ""


def test_progress_of_nothing_is_no_fault() -> None:
    stream = Terminal()
    Progress("Judging", stream=stream).show(0, 0)
    assert "0 of 0" in stream.getvalue()
